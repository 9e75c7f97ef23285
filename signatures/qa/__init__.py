"""Prompts of the recipes of questions with answers."""
