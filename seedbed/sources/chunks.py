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
PIECE = 1_000_000  # characters for one call of the splitter, whose time grows with their square
LONGEST_LINE = 20_000  # characters; its time also grows with the square of a sentence or word longer than a chunk
_LINE = re.compile(r"[^\n]+")
_BREAKS = ("\n\n", "\n", ". ", "। ", "؟ ", "。", "！", "？", " ")  # where longer lines are cut, the best first


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `text` is the document's text from `start` to `end`.

    `text_hash` is the hash of the whole document; `headings` is the path of headings above the chunk,
    outermost first; `header` is the header of the table in which the chunk begins, where it begins below the header.
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
        """16 hex digits, from the document's name and text and the chunk's place in it."""
        key = "\n".join((self.document, self.text_hash, str(self.start), str(self.end)))
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def chunk(document: Document, tokens: int, shortest: int = 0) -> list[Chunk]:
    """Cut `document` into chunks of at most `tokens` tokens (1 or more), in order and without overlap.

    A token is estimated as 4 characters, or as 1 in a script without blanks between words. So no chunk is longer than
    4 * `tokens` characters, the header of its table included (a header that takes half of that is left out).
    Paragraphs, then sentences, then words stay whole where they fit. A section of more than 1,000,000 characters is
    first cut between paragraphs, and a line of more than 20,000 between sentences or words. A chunk crosses a heading
    only where one side has fewer than `shortest` words. Such a piece is joined with its heading, then with its
    neighbours; it stays as it is where none has room.
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
    """Cuts a document; knows its tables that are longer than a chunk."""

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
        """The spans of the chunks, before short ones are joined."""
        return [
            span
            for low, high in self._sections()
            for start, end in self._parts(low, high)
            for piece_start, piece_end in _pieces(self.text, start, end)
            for span in self.cut(piece_start, piece_end, self.limit)
        ]

    def cut(self, start: int, end: int, limit: int) -> list[Span]:
        """Cut a span into parts of at most `limit` characters, the header of its table included."""
        from semantic_text_splitter import TextSplitter

        table = next((table for table in self._long if table.start <= start < table.end), None)
        body = max(start, table.head) if table else start
        splitter = TextSplitter(max(1, limit - (table.head - table.start + 1 if table else 0)))
        parts = [
            (body + offset, body + offset + len(text))
            for offset, text in splitter.chunk_indices(self.text[body:end])
            if text.strip()
        ]
        return [(start, parts[0][1]), *parts[1:]] if table and parts and start < body else parts

    def header(self, start: int) -> str:
        """The header of the table in which a chunk begins; "" where it begins in no table, or not below the header."""
        place = bisect.bisect_right(self._starts, start) - 1
        if place < 0 or not (table := self._long[place]).head <= start < table.end:
            return ""
        return self.text[table.start : table.head]

    def path(self, start: int, end: int) -> tuple[str, ...]:
        """The headings above the whole of a chunk, outermost first."""
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
        """Cut a section before and after each of its long tables."""
        for table in self._long:
            if low <= table.start and table.end <= high:
                yield low, table.start
                yield table.start, table.end
                low = table.end
        yield low, high


def _paths(headings: tuple[Heading, ...]) -> Iterator[tuple[str, ...]]:
    """The headings above the text before the first heading (none), and above the text after each heading."""
    above = list[Heading]()
    yield ()
    for heading in headings:
        above = [outer for outer in above if outer.level < heading.level] + [heading]
        yield tuple(outer.title for outer in above)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """Cut a span into pieces of at most PIECE characters, with no line longer than LONGEST_LINE."""
    for high in (*_cuts(text, start, end, PIECE), end):
        for line in _LINE.finditer(text, start, high):
            for cut in _cuts(text, *line.span(), LONGEST_LINE):
                yield start, cut
                start = cut
        yield start, high
        start = high


def _cuts(text: str, start: int, end: int, limit: int) -> Iterator[int]:
    """The places to cut a span into parts of at most `limit` characters: the best break in each part's second half."""
    while end - start > limit:
        low, high = start + limit // 2, start + limit
        start = next((place + len(mark) for mark in _BREAKS if (place := text.rfind(mark, low, high)) >= 0), high)
        yield start
