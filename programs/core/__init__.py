"""The base of every program: rows, sources, seeds, recipes, steps, feeds; texts and their measures."""
