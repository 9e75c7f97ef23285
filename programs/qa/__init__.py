"""Recipes of questions with answers."""
