"""Cuts a document into chunks that fit a model's context, along its sections."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from programs.text import is_crowded
from seedbed.document import Document, Heading

CHARACTERS_PER_TOKEN = 4
PIECE = 1_000_000  # characters given to the splitter at once: its time grows with their square,
LONGEST_LINE = 20_000  # and with that of a sentence or a word longer than a chunk
_LINE = re.compile(r"[^\n]+")
_BREAKS = ("\n\n", "\n", ". ", "। ", "؟ ", "。", "！", "？", " ")  # where longer ones are cut, the best first


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

    A token is estimated as 4 characters, or as 1 in a script without blanks between words, so no chunk is longer than
    4 * `tokens` characters. Paragraphs, then
    sentences, then words stay whole where they fit; a section of more than 1,000,000 characters is first cut between
    paragraphs, and a line of more than 20,000 between sentences or words. A chunk never crosses a heading nor
    contains its line, so the last chunk of a section may be short. Raises ValueError when `tokens` is below 1.
    """
    from semantic_text_splitter import TextSplitter

    if tokens < 1:
        raise ValueError(f"a chunk needs at least 1 token, not {tokens}")
    splitter = TextSplitter(tokens * (1 if is_crowded(document.text) else CHARACTERS_PER_TOKEN))
    return [
        Chunk(document.name, start + offset, start + offset + len(text), text, document.hash, path)
        for low, high, path in _sections(document)
        for start, end in _pieces(document.text, low, high)
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


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span from `start` to `end` in pieces of at most PIECE, with no line longer than LONGEST_LINE."""
    for high in (*_cuts(text, start, end, PIECE), end):
        for line in _LINE.finditer(text, start, high):
            for cut in _cuts(text, *line.span(), LONGEST_LINE):
                yield start, cut
                start = cut
        yield start, high
        start = high


def _cuts(text: str, start: int, end: int, most: int) -> Iterator[int]:
    """Where to cut a span into parts of at most `most` characters: at the best break of each part's second half."""
    while end - start > most:
        low, high = start + most // 2, start + most
        start = next((at + len(mark) for mark in _BREAKS if (at := text.rfind(mark, low, high)) >= 0), high)
        yield start
