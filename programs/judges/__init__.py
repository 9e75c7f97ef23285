"""Judges: one thing asked about a row, of the judge's model, and the score that its reply holds."""
