"""Cuts a document into chunks that fit a model's context, along its sections."""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from programs.core.text import is_crowded
from seedbed.sources.joining import Joiner, Span
from seedbed.sources.reading.document import Document, Heading

CHARACTERS_PER_TOKEN = 4
PIECE = 1_000_000  # characters given to the splitter at once: its time grows with their square,
LONGEST_LINE = 20_000  # and with that of a sentence or a word longer than a chunk
_LINE = re.compile(r"[^\n]+")
_BREAKS = ("\n\n", "\n", ". ", "। ", "؟ ", "。", "！", "？", " ")  # where longer ones are cut, the best first


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `text` is the document's text from `start` to `end`.

    `text_hash` is the hash of the whole document; `headings` is the path of headings above the chunk,
    outermost first; `header` is that of the table in which the chunk begins, where it does so below it.
    """

    document: str
    start: int
    end: int
    text: str
    text_hash: str
    headings: tuple[str, ...]
    header: str = ""

    @property
    def id(self) -> str:
        """16 hex digits, the same for the same place in the same text of the same document."""
        key = "\n".join((self.document, self.text_hash, str(self.start), str(self.end)))
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def chunk(document: Document, tokens: int, shortest: int = 0) -> list[Chunk]:
    """The chunks of `document`, of at most `tokens` tokens (1 or more), in order and without overlap.

    A token is estimated as 4 characters, or as 1 in a script without blanks between words, so no chunk with its table's
    header is longer than 4 * `tokens` characters (but where the header alone takes half of that, and is left out).
    Paragraphs, then sentences, then words stay whole where they fit; a section of more than 1,000,000 characters is
    first cut between paragraphs, and a line of more than 20,000 between sentences or words. A chunk crosses a heading
    only where one side has fewer than `shortest` words: such a piece is joined with its heading, then with its
    neighbours, and stays as it is where none has room.
    Raises ValueError when `tokens` is below 1.
    """
    if tokens < 1:
        raise ValueError(f"a chunk needs at least 1 token, not {tokens}")
    limit = tokens * (1 if is_crowded(document.text) else CHARACTERS_PER_TOKEN)
    cutter = _Cutter(document, limit)
    spans = Joiner(document, limit, shortest, cutter.header, cutter.cut).joined(cutter.spans())
    return [
        Chunk(
            document.name,
            start,
            end,
            document.text[start:end],
            document.hash,
            cutter.path(start, end),
            cutter.header(start),
        )
        for start, end in spans
    ]


class _Cutter:
    """A document and its tables that are longer than a chunk."""

    def __init__(self, document: Document, limit: int) -> None:
        self.text, self.headings, self.limit = document.text, document.headings, limit
        self._long = [
            table
            for table in document.tables
            if table.end - table.start > limit and 0 < table.head - table.start < limit // 2
        ]
        self._starts = [table.start for table in self._long]
        self._offsets = [heading.offset for heading in self.headings]
        self._paths = list(_paths(self.headings))

    def spans(self) -> list[Span]:
        """Where each chunk begins and ends, before short ones are joined."""
        return [
            span
            for low, high in self._sections()
            for start, end in self._parts(low, high)
            for piece_start, piece_end in _pieces(self.text, start, end)
            for span in self.cut(piece_start, piece_end, self.limit)
        ]

    def cut(self, start: int, end: int, most: int) -> list[Span]:
        """A span in parts of at most `most` characters, the header of its table counted."""
        from semantic_text_splitter import TextSplitter

        table = next((one for one in self._long if one.start <= start < one.end), None)
        body = max(start, table.head) if table else start
        splitter = TextSplitter(max(1, most - (table.head - table.start + 1 if table else 0)))
        parts = [
            (body + offset, body + offset + len(text))
            for offset, text in splitter.chunk_indices(self.text[body:end])
            if text.strip()
        ]
        return [(start, parts[0][1]), *parts[1:]] if table and parts and start < body else parts

    def header(self, start: int) -> str:
        """The header of the table in which a chunk begins below it; "" elsewhere."""
        at = bisect.bisect_right(self._starts, start) - 1
        if at < 0 or not self._long[at].head <= start < self._long[at].end:
            return ""
        return self.text[self._long[at].start : self._long[at].head]

    def path(self, start: int, end: int) -> tuple[str, ...]:
        """The headings above all of a chunk, outermost first."""
        first, last = bisect.bisect_right(self._offsets, start), bisect.bisect_left(self._offsets, end)
        paths = self._paths[first : max(first, last) + 1]
        return tuple(titles[0] for titles in zip(*paths, strict=False) if len(set(titles)) == 1)

    def _sections(self) -> Iterator[Span]:
        """The spans between heading lines."""
        start = 0
        for heading in self.headings:
            yield start, heading.offset
            start = heading.offset + len(heading.title)
        yield start, len(self.text)

    def _parts(self, low: int, high: int) -> Iterator[Span]:
        """A section, cut before and behind each of its long tables."""
        for table in self._long:
            if low <= table.start and table.end <= high:
                yield low, table.start
                yield table.start, table.end
                low = table.end
        yield low, high


def _paths(headings: tuple[Heading, ...]) -> Iterator[tuple[str, ...]]:
    """The headings above what stands before the first of these, and behind each of them."""
    above = list[Heading]()
    yield ()
    for heading in headings:
        above = [one for one in above if one.level < heading.level] + [heading]
        yield tuple(one.title for one in above)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
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
