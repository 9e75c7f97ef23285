"""What users feed in: documents found, read, and cut into passages; tables and lists of lines."""
