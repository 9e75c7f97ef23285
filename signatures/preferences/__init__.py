"""Prompts of the recipes of preferences."""
