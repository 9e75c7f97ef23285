"""Rows that are there already, or that give away a benchmark."""
