"""Lines for people: the type of a function that shows them, and removal of a terminal's control characters."""

from collections.abc import Callable

Say = Callable[[str], object]
"""Shows a line to the user."""


def silent(line: str) -> None:
    """Show nothing."""


def readable(text: str) -> str:
    """The text with a space for every character that is not printable, except line breaks and tabs: such as escapes,
    bells, and marks that change the direction of writing. Its length does not change."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
