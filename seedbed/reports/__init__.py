"""The text that a command prints in the terminal."""
