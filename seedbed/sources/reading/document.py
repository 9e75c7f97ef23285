"""A Document: the plain text, headings and tables of a source file."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading. Its line begins at `offset` in the document's text; `level` 1 is the outermost."""

    offset: int
    level: int
    title: str


@dataclass(frozen=True)
class Table:
    """A table: the text from `start` to `end` of a document. Its header (caption included) ends at `head`."""

    start: int
    head: int
    end: int


@dataclass(frozen=True)
class Document:
    """A source text. `name` is its path relative to the sources root, with forward slashes; `notes` are remarks on how
    it was read."""

    name: str
    text: str
    headings: tuple[Heading, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def hash(self) -> str:
        """The first 16 hex digits of the text's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]
