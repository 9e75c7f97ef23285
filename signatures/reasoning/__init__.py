"""Prompts of the recipes of reasoning."""
