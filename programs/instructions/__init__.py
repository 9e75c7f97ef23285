"""Recipes of instructions with responses."""
