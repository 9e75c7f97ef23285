"""What a source file becomes: a Document of plain text and headings, or Unreadable."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass


class Unreadable(Exception):
    """A file holds no text that can be used; the message says why, in a few words."""


@dataclass(frozen=True)
class Heading:
    """A heading: its line begins at `offset` in the document's text; `level` 1 is the outermost."""

    offset: int
    level: int
    title: str


@dataclass(frozen=True)
class Document:
    """A source text. `name` is its path relative to the sources root, with forward slashes."""

    name: str
    text: str
    headings: tuple[Heading, ...] = ()

    @functools.cached_property
    def hash(self) -> str:
        """The first 16 hex digits of the text's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]
