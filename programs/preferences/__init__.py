"""Recipes of preferences: which of two answers is better."""
