"""The sections of the report that are no charts: head, rows, prompts and provenance."""
