"""Turns the bytes of one file into a Document: its plain text, with the places of headings and tables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from seedbed.encodings import decode
from seedbed.errors import Unreadable
from seedbed.sources.reading.characters import clean, without_base64
from seedbed.sources.reading.document import Document, Heading, Table

TEXT = (".txt",)  # read in the command's own process, because plain text cannot break a reader


def extract(data: bytes, suffix: str) -> Document:
    """Turn a file with a suffix in SUFFIXES into a Document without a name.

    Raises Unreadable, with the reason in words, when the file gives no text; MemoryError.
    """
    try:
        document = _EXTRACTORS[suffix](data)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # a damaged file can make a third-party parser raise anything
        raise Unreadable(f"it could not be read: {error or type(error).__name__}") from error
    if not document.text.strip():
        raise Unreadable("there is no text in it")
    return document


def to_json(data: bytes, suffix: str) -> dict[str, Any]:
    """Like `extract`, but as types that JSON knows; `from_json` turns them back into the document."""
    return dataclasses.asdict(extract(data, suffix))


def from_json(fields: dict[str, Any], name: str) -> Document:
    """The document from the fields that `to_json` returned, with its name."""
    headings = (Heading(**heading) for heading in fields["headings"])
    tables = (Table(**table) for table in fields["tables"])
    return Document(name, fields["text"], tuple(headings), tuple(tables), tuple(fields["notes"]))


def plain(text: str) -> str:
    """Clean `text`; form feeds (and a page's running lines) become paragraph breaks."""
    pages = clean(text.removeprefix("\ufeff")).split("\f")
    return "\n\n".join(filter(None, map(_page_body, pages))) if len(pages) > 1 else pages[0]


def decoded(data: bytes, declared: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The plain text of a file without its base64, and notes: the encoding where it was guessed, and the amount of
    base64. Raises Unreadable."""
    text, encoding = decode(data, declared)
    text, letters = without_base64(plain(text))
    notes = [f"read as {encoding}"] if encoding else []
    return text, (*notes, *([f"{letters} characters of base64 were left out"] if letters else []))


def _page_body(page: str) -> str:
    """A page without the running lines of a printed RFC."""
    lines = page.strip("\n").split("\n")
    if re.match(r"RFC \d+ .*\d{4}$", lines[0]):
        del lines[0]
    if lines and re.search(r"\[Page \d+\]\s*$", lines[-1]):
        del lines[-1]
    return "\n".join(lines).strip("\n")


def _text(data: bytes) -> Document:
    text, notes = decoded(data)
    return Document("", text, notes=notes)


def _html(data: bytes) -> Document:
    from bs4.dammit import EncodingDetector

    from seedbed.sources.reading.html import from_html

    text, notes = decoded(data, EncodingDetector.find_declared_encoding(data, is_html=True))
    return _noted(from_html(text), notes)


def _markdown(data: bytes) -> Document:
    from seedbed.sources.reading.markdown import from_markdown

    text, notes = decoded(data)
    return _noted(from_markdown(text), notes)


def _mdx(data: bytes) -> Document:
    from seedbed.sources.reading.markdown import from_markdown, without_jsx

    text, notes = decoded(data)
    return _noted(from_markdown(without_jsx(text)), notes)


def _rst(data: bytes) -> Document:
    from seedbed.sources.reading.html import from_html
    from seedbed.sources.reading.rst import to_html

    text, notes = decoded(data)
    return _noted(from_html(to_html(text)), notes)


def _pdf(data: bytes) -> Document:
    from seedbed.sources.reading.pdf import from_pdf

    return from_pdf(data)


def _office(data: bytes, kind: str) -> Document:
    from seedbed.sources.reading import office
    from seedbed.sources.reading.html import from_html

    return from_html(getattr(office, f"{kind}_html")(data))


def _noted(document: Document, notes: tuple[str, ...]) -> Document:
    return dataclasses.replace(document, notes=notes + document.notes)


_EXTRACTORS: dict[str, Callable[[bytes], Document]] = {
    ".docx": lambda data: _office(data, "docx"),
    ".epub": lambda data: _office(data, "epub"),
    ".htm": _html,
    ".html": _html,
    ".markdown": _markdown,
    ".md": _markdown,
    ".mdx": _mdx,
    ".pdf": _pdf,
    ".pptx": lambda data: _office(data, "pptx"),
    ".rst": _rst,
    ".txt": _text,
}
SUFFIXES = tuple(_EXTRACTORS)
_EXTRACTORS[".xlsx"] = lambda data: _office(data, "xlsx")  # a table, which may also be read as one document


def _sheet_rows(data: bytes, _: str) -> dict[str, Any]:
    from seedbed.sources.reading.office import sheet_rows

    try:
        return {"rows": sheet_rows(data)}
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # as above
        raise Unreadable(f"it could not be read: {error or type(error).__name__}") from error


WORK: dict[str, Callable[[bytes, str], dict[str, Any]]] = {"text": to_json, "rows": _sheet_rows}
