"""A run whose attempts are made by workers on Ray."""
