"""Turns a PDF into a Document: its lines in reading order, joined into paragraphs."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from seedbed.errors import Unreadable
from seedbed.sources.reading.characters import clean
from seedbed.sources.reading.document import Document

FEWEST_ROWS = 3  # lines side by side that count as columns
PROSE = 20  # characters of a usual line in a column of prose; table cells have fewer
_HYPHEN = "\ufffe"  # pdfium's mark where it joins a word that was divided at a line's end
_UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")


@dataclass(frozen=True)
class _Piece:
    """A part of a printed line without a wide gap; `left` and `right` are points from the left of the page."""

    text: str
    left: float
    right: float


_Line = list[_Piece]


def from_pdf(data: bytes) -> Document:
    """The text of all pages. Raises Unreadable for a file that is no PDF, needs a password, or holds only pictures."""
    from pypdfium2 import PdfDocument, PdfiumError

    if b"%PDF-" not in data[:1024]:
        raise Unreadable("it is not a PDF, whatever its name says")
    try:
        pdf = PdfDocument(data)
    except PdfiumError as error:
        locked = "password" in str(error).lower()
        reason = "it is encrypted and needs a password" if locked else f"it could not be read: {error}"
        raise Unreadable(reason) from error
    pages = [rejoined(_printed(pdf[number].get_textpage())) for number in range(len(pdf))]
    text, empty = "\n\n".join(filter(None, pages)), pages.count("")
    if not text:
        raise Unreadable("there is no text in it (a scan needs OCR first)")
    if len(_UNKNOWN.findall(text)) > len(text) / 5:
        raise Unreadable("its fonts do not tell which letters they draw (it needs OCR)")
    notes = (f"{empty} of {len(pages)} pages have no text (a scan needs OCR first)",) if empty else ()
    return Document("", text, notes=notes)


def rejoined(lines: Sequence[str]) -> str:
    """Join printed lines into paragraphs. A paragraph ends where the next word would have fitted on the line."""
    lines = [line.strip() for line in lines]
    lengths = sorted(map(len, lines)) or [0]
    longest = 1.5 * lengths[3 * len(lengths) // 4]  # longer lines go across columns, as a title does
    width = 0.88 * max(length for length in lengths if length <= longest)  # in characters, which differ in width
    text = ""
    for line, following in pairwise([*lines, ""]):
        goes_on = following[:1].islower()
        if goes_on and re.search(r"\w-$", line):
            text += line[:-1]
        else:
            fitted = len(f"{line} {following.partition(' ')[0]}") < width
            text += line + ("\n\n" if fitted and not goes_on else " ")
    return re.sub(r"\s*\n\n\s*", "\n\n", text).strip()


def _printed(page: Any) -> list[str]:
    """The lines of a page. Where a PDF draws lines across columns, one column comes after the other."""
    text = page.get_text_range()
    lines = text.replace(_HYPHEN, "-\n").splitlines()
    if len(text) == page.count_chars():  # else an index in the text is not that of a letter on the page
        pieces = [_split(page, text, *match.span()) for match in re.finditer(r"[^\r\n]+", text)]
        if sum(len(line) > 1 for line in pieces) >= FEWEST_ROWS:
            lines = [part for line in _by_columns(pieces) for part in line.replace(_HYPHEN, "-\n").split("\n")]
    return [clean(line) for line in lines]


def _split(page: Any, text: str, start: int, end: int) -> _Line:
    """Cut a line into pieces at blanks that are wider than the letters are high."""
    pieces, begin = list[_Piece](), start
    left, low, right, high = page.get_charbox(start, loose=True)
    for index in range(start + 1, end - 1):
        if text[index] != " ":
            continue
        before, after = page.get_charbox(index - 1, loose=True)[2], page.get_charbox(index + 1, loose=True)[0]
        if after - before > high - low:
            pieces.append(_Piece(text[begin:index], left, before))
            begin, left = index + 1, after
    right = page.get_charbox(end - 1, loose=True)[2]
    return [*pieces, _Piece(text[begin:end], left, right)]


def _by_columns(lines: Sequence[_Line]) -> Iterator[str]:
    """The texts of lines. Where several in a row leave one gutter free, the left column comes before the right."""
    start = 0
    while start < len(lines):
        end, gutter = _columns(lines, start)
        left_side = [[piece for piece in line if piece.left < gutter] for line in lines[start:end]]
        right_side = [[piece for piece in line if piece.left >= gutter] for line in lines[start:end]]
        if _is_prose(left_side, right_side):
            yield from (_text(line) for line in left_side if line)
            yield from _by_columns([line for line in right_side if line])
        else:
            yield from map(_text, lines[start:end])
        start = end


def _columns(lines: Sequence[_Line], start: int) -> tuple[int, float]:
    """The line up to which one gutter is free of letters, and the right end of the gutter."""
    low, high = (lines[start][0].right, lines[start][1].left) if len(lines[start]) > 1 else (0.0, float("inf"))
    end = start + 1
    while len(lines[start]) > 1 and end < len(lines):
        gaps = [(piece.right, following.left) for piece, following in pairwise(lines[end])]
        gaps += [(lines[end][-1].right, high), (low, lines[end][0].left)]
        fits = [(max(low, gap[0]), min(high, gap[1])) for gap in gaps]
        if not (free := [(begin, stop) for begin, stop in fits if begin < stop]):
            break
        low, high = free[0]
        end += 1
    return end, high


def _is_prose(left_side: Sequence[_Line], right_side: Sequence[_Line]) -> bool:
    """Whether two sides are columns of running text rather than cells of a table."""
    pairs = zip(left_side, right_side, strict=True)
    rows = [tuple(map(_text, pair)) for pair in pairs if all(pair)]
    return len(rows) >= FEWEST_ROWS and all(
        statistics.median(map(len, side)) >= PROSE for side in zip(*rows, strict=True)
    )


def _text(line: _Line) -> str:
    return " ".join(piece.text.strip() for piece in line)
