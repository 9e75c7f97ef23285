"""Turns one file into a Document: plain text, and where the headings stand in it."""

from __future__ import annotations

import codecs
import io
import logging
import re
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from seedbed.document import Document, Heading, Unreadable
from seedbed.html_text import from_html
from seedbed.rst import to_html

_Extracted = tuple[str, tuple[Heading, ...]]
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(?=[^\n]*[:=#])[\s\S]*?\n\1[ \t]*$", re.M)
# What mdBook and Hugo would replace: includes of files that are not here, and shortcodes.
_BUILD_MARKS = re.compile(r"^(\{\{#\w*include [^}\n]*\}\}|\{\{[%<].*[%>]\}\}\.?)$", re.M)


def extract(path: Path, name: str = "") -> Document:
    """Read one file of a suffix in SUFFIXES as a Document called `name` (by default the file's own name).

    Raises Unreadable, with the reason in words, when no text can be had from the file.
    """
    try:
        text, headings = _EXTRACTORS[path.suffix.lower()](path.read_bytes())
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror or error}") from error
    except Exception as error:  # a damaged file can make a third-party parser raise anything
        raise Unreadable(f"it could not be read: {error or type(error).__name__}") from error
    if not text.strip():
        raise Unreadable("there is no text in it")
    return Document(name or path.name, text, headings)


def plain(text: str) -> str:
    """`text` with newlines as \\n and form feeds (with the page's running lines) as paragraph breaks."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # JSON can hold lone surrogates, which no encoder takes
    pages = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")).split("\f")
    return "\n\n".join(filter(None, map(_page_body, pages))) if len(pages) > 1 else pages[0]


def _page_body(page: str) -> str:
    """A page without the running lines that RFCs are printed with."""
    lines = page.strip("\n").split("\n")
    if re.match(r"RFC \d+ .*\d{4}$", lines[0]):
        del lines[0]
    if lines and re.search(r"\[Page \d+\]\s*$", lines[-1]):
        del lines[-1]
    return "\n".join(lines).strip("\n")


def _decode(data: bytes, encoding: str | None = None) -> str:
    """Decode by byte order mark, else as `encoding`, else as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding or "utf-8-sig")
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable(f"it is not text in {encoding or 'UTF-8'}") from error
    if "\0" in text:
        raise Unreadable("it is binary, not text")
    return plain(text)


def _text(data: bytes) -> _Extracted:
    return _decode(data), ()


def _pdf(data: bytes) -> _Extracted:
    from pypdf import PdfReader

    if b"%PDF-" not in data[:1024]:
        raise Unreadable("it is not a PDF, whatever its name says")
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every flaw that it then repairs
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is encrypted and needs a password")
    text = "\n\n".join(filter(None, (_rejoin(plain(page.extract_text())) for page in reader.pages)))
    if not text:
        raise Unreadable("there is no text in it (a scan needs OCR first)")
    return text, ()


def _rejoin(page: str) -> str:
    """Printed lines joined into paragraphs, which end where the next word would have fitted on the line."""
    lines = [line.strip() for line in page.split("\n")]
    width = 0.88 * max(map(len, lines))  # in characters, of which some are wider than others
    text = ""
    for line, following in pairwise([*lines, ""]):
        goes_on = following[:1].islower()
        if goes_on and re.search(r"\w-$", line):
            text += line[:-1]
        else:
            fitted = len(f"{line} {following.partition(' ')[0]}") < width
            text += line + ("\n\n" if fitted and not goes_on else " ")
    return re.sub(r"\s*\n\n\s*", "\n\n", text).strip()


def _html(data: bytes) -> _Extracted:
    from bs4.dammit import EncodingDetector

    return from_html(_decode(data, EncodingDetector.find_declared_encoding(data, is_html=True)))


def _markdown(data: bytes) -> _Extracted:
    from markdown_it import MarkdownIt

    text = _BUILD_MARKS.sub("", _FRONT_MATTER.sub("", _decode(data)))
    return from_html(MarkdownIt("commonmark").enable("table").render(text))


def _docx(data: bytes) -> _Extracted:
    import mammoth

    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise Unreadable("it is not a .docx file (an older .doc, or encrypted?)")
    no_pictures = mammoth.images.img_element(lambda _: {})
    return from_html(mammoth.convert_to_html(io.BytesIO(data), convert_image=no_pictures).value)


def _rst(data: bytes) -> _Extracted:
    return from_html(to_html(_decode(data)))


_EXTRACTORS: dict[str, Callable[[bytes], _Extracted]] = {
    ".docx": _docx,
    ".htm": _html,
    ".html": _html,
    ".markdown": _markdown,
    ".md": _markdown,
    ".pdf": _pdf,
    ".rst": _rst,
    ".txt": _text,
}
SUFFIXES = tuple(_EXTRACTORS)
