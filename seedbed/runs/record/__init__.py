"""What is written about a run beside its rows: run.json, the card, and what the rows were made with."""
