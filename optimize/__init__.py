"""Seeds, splits, the search over prompts, and the compiled artefact."""
