"""How answers become rows: one DSPy module a recipe, one recipe a file."""
