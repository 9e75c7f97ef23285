"""What every program stands on: rows, sources, seeds, recipes, steps, feeds; texts and their measures."""
