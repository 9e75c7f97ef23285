"""Cuts a document into chunks that fit a model's context, along its sections."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from seedbed.document import Document, Heading

CHARACTERS_PER_TOKEN = 4
LONGEST_LINE = 50_000  # characters; the splitter takes the square of the length of a sentence, or of a "word"
_LONG_LINE = re.compile(rf"[^\n]{{{LONGEST_LINE + 1},}}")
_BREAKS = (". ", "。", " ")  # where a longer line is cut, the best first


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
    sentences, then words stay whole where they fit; a line of more than 50,000 characters is also cut where a sentence
    or a word ends. A chunk never crosses a heading nor contains its line, so
    the last chunk of a section may be short. Raises ValueError when `tokens` is below 1.
    """
    from semantic_text_splitter import TextSplitter

    if tokens < 1:
        raise ValueError(f"a chunk needs at least 1 token, not {tokens}")
    splitter = TextSplitter(tokens * CHARACTERS_PER_TOKEN)
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
    """The span from `start` to `end` cut so that no line is longer than LONGEST_LINE."""
    for line in _LONG_LINE.finditer(text, start, end):
        at = line.start()
        while line.end() - at > LONGEST_LINE:
            at = _break(text, at)
            yield start, at
            start = at
    yield start, end


def _break(text: str, at: int) -> int:
    """Where to cut a long line that goes on from `at`: in the second half of what may stay one."""
    low, high = at + LONGEST_LINE // 2, at + LONGEST_LINE
    return next((found + len(mark) for mark in _BREAKS if (found := text.rfind(mark, low, high)) >= 0), high)
