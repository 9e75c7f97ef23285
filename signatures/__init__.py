"""What a model is asked: every word of prompt text in the project stands in this room."""
