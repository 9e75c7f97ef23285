"""Export: the rows of finished runs as files that trainers load unchanged."""
