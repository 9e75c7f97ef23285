"""Turns a file into a Document: a reader for each format, in a separate process."""
