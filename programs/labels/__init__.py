"""Recipes of texts with labels, for classifiers."""
