"""Lines for a person: who tells them, and what is safe to show on a terminal, which obeys some characters."""

from collections.abc import Callable

Say = Callable[[str], object]
"""Tells a person a line."""


def silent(line: str) -> None:
    """Tell nobody."""


def readable(text: str) -> str:
    """The text, as long as it was, with a space for every character that is none to read, line breaks and tabs aside:
    escapes, bells, and marks that turn the direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
