"""Small office files, e-books and PDFs, written by hand."""

import io
import zipfile
from collections.abc import Sequence
from html import escape

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPES = "application/vnd.openxmlformats-officedocument"


def zipped(**files: str) -> bytes:
    """An archive of these files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def links(*targets: tuple[str, str]) -> str:
    """Relationships r1, r2, ... to (kind, file)."""
    items = (
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{file}"/>'
        for number, (kind, file) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(items)}</Relationships>'


def types(**parts: str) -> str:
    """The content types of an office file, by part."""
    named = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in parts.items())
    relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{relations}{named}</Types>'


def docx(body: str) -> bytes:
    """A Word file of these paragraphs, as XML."""
    kind = f"{_TYPES}.wordprocessingml.document.main+xml"
    return zipped(
        **{
            "[Content_Types].xml": types(**{"word/document.xml": kind}),
            "_rels/.rels": links(("officeDocument", "word/document.xml")),
            "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def shape(text: str, place: str = "body") -> str:
    """A box of a slide, a line a paragraph; `place` is what it is for."""
    lines = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{place}"/></p:nvPr></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>'


def grid(rows: Sequence[Sequence[str]]) -> str:
    """A table of a slide."""
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    cells = "".join(f"<a:tr>{''.join(cell.format(escape(text)) for text in row)}</a:tr>" for row in rows)
    return f"<p:graphicFrame><a:tbl>{cells}</a:tbl></p:graphicFrame>"


def pptx(*slides: str, notes: str = "") -> bytes:
    """A presentation of slides (shapes as XML) shown last file first; the notes are those of the last shown."""
    order = "".join(f'<p:sldId r:id="r{number}"/>' for number in range(len(slides), 0, -1))
    space = f'xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    files = {
        "[Content_Types].xml": types(),
        "ppt/presentation.xml": f"<p:presentation {space}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": links(*(("slide", f"slides/s{n}.xml") for n in range(1, len(slides) + 1))),
        "ppt/slides/_rels/s1.xml.rels": links(("notesSlide", "../notesSlides/n1.xml")),
        "ppt/notesSlides/n1.xml": f"<p:notes {space}>{shape(notes)}{shape('7', 'sldNum')}</p:notes>",
    }
    files |= {f"ppt/slides/s{n}.xml": f"<p:sld {space}>{slide}</p:sld>" for n, slide in enumerate(slides, 1)}
    return zipped(**files)


def xlsx(**sheets: Sequence[Sequence[str | float]]) -> bytes:
    """A workbook of these sheets."""
    kind = f"{_TYPES}.spreadsheetml"
    names = list(sheets)
    parts = {f"xl/worksheets/s{n}.xml": f"{kind}.worksheet+xml" for n in range(1, len(names) + 1)}
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
    files = {
        "[Content_Types].xml": types(**{"xl/workbook.xml": f"{kind}.sheet.main+xml"}, **parts),
        "_rels/.rels": links(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": links(*(("worksheet", f"worksheets/s{n}.xml") for n in range(1, len(names) + 1))),
    }
    for number, rows in enumerate(sheets.values(), 1):
        lines = "".join(f'<row r="{at}">{"".join(_cells(row, at))}</row>' for at, row in enumerate(rows, 1))
        sheet = f'<worksheet xmlns="{_SHEETS}"><sheetData>{lines}</sheetData></worksheet>'
        files[f"xl/worksheets/s{number}.xml"] = sheet
    return zipped(**files)


def _cells(row: Sequence[str | float], at: int) -> list[str]:
    return [
        f'<c r="{"ABCDEF"[place]}{at}"><v>{value}</v></c>'
        if isinstance(value, int | float)
        else f'<c r="{"ABCDEF"[place]}{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        for place, value in enumerate(row)
        if value != ""
    ]


def epub(*chapters: str) -> bytes:
    """An e-book of chapters (the bodies of HTML pages), whose files are named against their order."""
    names = [f"c{len(chapters) - n} x.xhtml" for n in range(len(chapters))]
    items = "".join(f'<item id="i{n}" href="{name.replace(" ", "%20")}"/>' for n, name in enumerate(names))
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    package = f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>"
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    files = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "OPS/book.opf": package}
    files |= {f"OPS/{name}": f"<html><body>{body}</body></html>" for name, body in zip(names, chapters, strict=True)}
    return zipped(**files)


def pdf_of(objects: Sequence[str]) -> bytes:
    """A PDF of these objects, numbered from 1, of which the first is its catalogue."""
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")
