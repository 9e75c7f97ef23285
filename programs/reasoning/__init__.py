"""Recipes of reasoning."""
