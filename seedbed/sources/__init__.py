"""Reads the user's files: finds documents, cuts them into passages, and reads tables and labelled lines."""
