"""Turns office files and e-books into HTML, which `html` reads: Word, PowerPoint, Excel and EPUB."""

from __future__ import annotations

import datetime
import io
import posixpath
import zipfile
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from seedbed.errors import Unreadable
from seedbed.sources.reading.characters import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SLIDE = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def docx_html(data: bytes) -> str:
    """A Word document as HTML, without pictures. Raises Unreadable for any other file."""
    import mammoth

    _unzipped(data, "a .docx file (an older .doc, or encrypted?)")
    no_pictures = mammoth.images.img_element(lambda _: {})
    html: str = mammoth.convert_to_html(io.BytesIO(data), convert_image=no_pictures).value
    return html


def pptx_html(data: bytes) -> str:
    """The slides of a presentation in order: each title as a heading, and the speaker's notes after the slide."""
    archive = _unzipped(data, "a .pptx file (an older .ppt, or encrypted?)")
    links = _links(archive, "ppt/presentation.xml")
    slides = [links[slide.get(_LINK)][0] for slide in _xml(archive, "ppt/presentation.xml").iter(f"{_SLIDE}sldId")]
    return "".join(_slide_html(archive, name) for name in slides)


def epub_html(data: bytes) -> str:
    """The chapters of an e-book in reading order."""
    archive = _unzipped(data, "an .epub file")
    container = _xml(archive, "META-INF/container.xml")
    package = next(unquote(file.get("full-path", "")) for file in container.iter("{*}rootfile"))
    book = _xml(archive, package)
    files = {item.get("id"): item for item in book.iter("{*}item")}
    chapters = [files[part.get("idref")] for part in book.iter("{*}itemref") if part.get("idref") in files]
    names = (_beside(package, unquote(chapter.get("href", ""))) for chapter in chapters)
    pages = [archive.read(name) for name in names if name in archive.NameToInfo]
    return "".join(page.decode("utf-8-sig", errors="replace") for page in pages)


def xlsx_html(data: bytes) -> str:
    """The sheets of a workbook: each a heading, and a table whose first row is the header."""
    return "".join(f"<h2>{escape(name)}</h2>{_table_html(rows)}" for name, rows in _sheets(data))


def sheet_rows(data: bytes) -> list[dict[str, str]]:
    """The rows of all sheets of a workbook, with the names in each sheet's first row as keys."""
    return [
        {name or f"column {place}": cell for place, (name, cell) in enumerate(zip(rows[0], row, strict=False), 1)}
        for _, rows in _sheets(data)
        for row in rows[1:]
    ]


def _sheets(data: bytes) -> Iterator[tuple[str, list[list[str]]]]:
    """The name and rows of each sheet that is not empty; blank rows and columns are left out."""
    from python_calamine import CalamineWorkbook

    _unzipped(data, "an .xlsx file (an older .xls, or encrypted?)")
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in workbook.sheet_names:
        rows = [[_cell(value) for value in row] for row in workbook.get_sheet_by_name(name).to_python()]
        filled = [column for column in range(max(map(len, rows), default=0)) if any(row[column] for row in rows)]
        rows = [[row[column] for column in filled] for row in rows if any(row)]
        if rows:
            yield name, rows


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and not value.time():
        return str(value.date())
    return " ".join(clean(str(value)).split())


def _table_html(rows: list[list[str]]) -> str:
    """A table whose first row is its header."""
    cells = ("".join(f"<{'td' if at else 'th'}>{escape(cell)}" for cell in row) for at, row in enumerate(rows))
    return f"<table>{''.join(f'<tr>{row}' for row in cells)}</table>"


def _slide_html(archive: zipfile.ZipFile, name: str) -> str:
    notes = [file for file, kind in _links(archive, name).values() if kind.endswith("/notesSlide")]
    parts = [_shapes_html(_xml(archive, name), titled=True)]
    parts += [_shapes_html(_xml(archive, file), titled=False) for file in notes if file in archive.NameToInfo]
    return "".join(parts)


def _shapes_html(slide: _Element, *, titled: bool) -> str:
    """The texts and tables of a slide; of notes (not `titled`) only the body, without the slide's number."""
    html = ""
    for shape in slide.iter(f"{_SLIDE}sp", f"{_SLIDE}graphicFrame"):
        place = next((mark.get("type", "body") for mark in shape.iter(f"{_SLIDE}ph")), "")
        if place in ("sldNum", "dt", "ftr", "hdr") or (not titled and place != "body"):
            continue
        tables = list(shape.iter(f"{_DRAWING}tbl"))
        for table in tables:
            html += _table_html([[_text(cell) for cell in row] for row in table.iter(f"{_DRAWING}tr")])
        tag = "h2" if titled and place in ("title", "ctrTitle") else "li" if place == "body" and titled else "p"
        texts = [] if tables else [_text(paragraph) for paragraph in shape.iter(f"{_DRAWING}p")]
        html += "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts if text.strip())
    return html


def _text(element: _Element) -> str:
    """The text of runs and fields; a line break is a blank."""
    parts = element.iter(f"{_DRAWING}t", f"{_DRAWING}br", f"{_DRAWING}p")
    return " ".join("".join(part.text or "" if part.tag.endswith("}t") else " " for part in parts).split())


def _links(archive: zipfile.ZipFile, name: str) -> dict[str | None, tuple[str, str]]:
    """The links of a part: id -> (file, kind)."""
    folder, file = posixpath.split(name)
    path = f"{folder}/_rels/{file}.rels"
    if path not in archive.NameToInfo:
        return {}
    links = _xml(archive, path).iter("{*}Relationship")
    return {link.get("Id"): (_beside(name, link.get("Target", "")), link.get("Type", "")) for link in links}


def _beside(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(name), target)).lstrip("/")


def _xml(archive: zipfile.ZipFile, name: str) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    return etree.fromstring(archive.read(name), parser)


def _unzipped(data: bytes, kind: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise Unreadable(f"it is not {kind}") from error
