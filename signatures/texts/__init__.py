"""Prompts of the recipes that make texts for language modelling."""
