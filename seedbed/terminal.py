"""Text for a terminal, which obeys some characters instead of showing them."""


def readable(text: str) -> str:
    """The text, as long as it was, with a space for every character that is none to read, line breaks and tabs aside:
    escapes, bells, and marks that turn the direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
