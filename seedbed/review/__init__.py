"""Asks people for verdicts on rows, and writes them down."""
