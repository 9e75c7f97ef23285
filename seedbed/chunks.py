"""Cuts a document into chunks that fit a model's context, along its sections."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from seedbed.document import Document, Heading

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `text` is the document's text from `start` to `end`.

    `text_hash` is the hash of the whole document; `headings` is the path of headings above the chunk,
    outermost first.
    """

    document: str
    start: int
    end: int
    text: str
    text_hash: str
    headings: tuple[str, ...]

    @property
    def id(self) -> str:
        """16 hex digits, the same for the same place in the same text of the same document."""
        key = "\n".join((self.document, self.text_hash, str(self.start), str(self.end)))
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def chunk(document: Document, tokens: int) -> list[Chunk]:
    """The chunks of `document`, of at most `tokens` tokens (1 or more), in order and without overlap.

    A token is estimated as 4 characters, so no chunk is longer than 4 * `tokens` characters. Paragraphs, then
    sentences, then words stay whole where they fit. A chunk never crosses a heading nor contains its line, so
    the last chunk of a section may be short. Raises ValueError when `tokens` is below 1.
    """
    from semantic_text_splitter import TextSplitter

    if tokens < 1:
        raise ValueError(f"a chunk needs at least 1 token, not {tokens}")
    splitter = TextSplitter(tokens * CHARACTERS_PER_TOKEN)
    return [
        Chunk(document.name, start + offset, start + offset + len(text), text, document.hash, path)
        for start, end, path in _sections(document)
        for offset, text in splitter.chunk_indices(document.text[start:end])
        if text.strip()
    ]


def _sections(document: Document) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """The spans between heading lines, each with the path of headings above it."""
    start, above = 0, list[Heading]()
    for heading in document.headings:
        yield start, heading.offset, tuple(h.title for h in above)
        start = heading.offset + len(heading.title)
        above = [h for h in above if h.level < heading.level] + [heading]
    yield start, len(document.text), tuple(h.title for h in above)
