"""Prompts of the recipes of texts with labels."""
