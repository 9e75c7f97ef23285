"""Prompts of the recipes of instructions with responses."""
