"""Recipes that make texts for language modelling."""
