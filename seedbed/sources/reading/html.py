"""Turns HTML into plain text, with the places of headings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.sources.reading.characters import clean
from seedbed.sources.reading.document import Document, Heading, Table

if TYPE_CHECKING:
    from bs4 import Tag

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_INLINE = {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i"}
_INLINE |= {"img", "ins", "kbd", "label", "mark", "math", "q", "s", "samp", "small", "span", "strike"}
_INLINE |= {"strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
_SECTIONS = ["article", "aside", "main", "section"]
_HIDING = re.compile(r"(?i)(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:opacity|font-size)\s*:\s*0(?![.\d]*[1-9]))")
_FEWEST_ROWS = 3  # rows of a table without marked header cells, for its first row to count as the header


def from_html(html: str) -> Document:
    """The plain text, headings and tables of an HTML page or fragment; the text may be empty.

    Lists keep their marks, table rows become `a | b`, and `pre` keeps its lines. Navigation and hidden elements are
    left out, and a note counts the hidden text. Raises RecursionError when the tags are nested too deeply.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "lxml")
    notes = _pruned(soup)
    text, headings, tables, tight = "", list[Heading](), list[Table](), False
    for block in _blocks(_tokens(soup)):
        if text:
            text += "\n" if tight and block.item else "\n\n"
        if block.level:
            headings.append(Heading(len(text), block.level, block.text))
        if block.head:
            tables.append(Table(len(text), len(text) + block.head, len(text) + len(block.text)))
        text, tight = text + block.text, block.item
    return Document("", text, tuple(headings), tuple(tables), notes)


def _pruned(soup: Tag) -> tuple[str, ...]:
    """Remove everything that is not text of the page; returns notes on text that its readers would not see."""
    for tag in soup.select("head, script, style, nav, template, a.headerlink"):
        tag.decompose()
    for tag in soup.select("header, footer"):
        if not tag.find_parent(_SECTIONS):  # the page's own; an article's header is part of its text
            tag.decompose()
    letters = 0
    for tag in soup.select("[hidden], [style]"):
        if not tag.decomposed and (tag.has_attr("hidden") or _HIDING.search(str(tag["style"]))):
            letters += len("".join(tag.get_text().split()))
            tag.decompose()
    return (f"{letters} characters in hidden elements were left out",) if letters else ()


@dataclass(frozen=True)
class _Block:
    """A block of plain text: a heading of a `level`, an `item` of a list, or a table whose header ends at `head`."""

    text: str = ""
    level: int = 0
    item: bool = False
    head: int = 0


def _tokens(node: Tag) -> Iterator[str | _Block]:
    """The tree in reading order: pieces of running text, and blocks. An empty block only separates."""
    from bs4.element import NavigableString, Tag

    for child in node.children:
        if isinstance(child, Tag):
            yield from _tag(child)
        elif type(child) is NavigableString:  # the subclasses are comments and the like
            yield str(child)


def _tag(tag: Tag) -> Iterator[str | _Block]:
    if tag.name == "br":
        yield "\0"
    elif tag.name in _HEADINGS:
        yield _Block(_flat(tag), level=int(tag.name[1]))
    elif tag.name == "pre":
        yield _Block(clean("".join(tag.strings)).strip("\n").rstrip())
    elif tag.name == "li":
        yield from _item(tag)
    elif tag.name == "table" and not tag.find(["table", "pre", *_HEADINGS]):  # a table around these is only layout
        yield _table(tag)
    elif tag.name in _INLINE:
        yield from _tokens(tag)
    else:
        yield from (_Block(), *_tokens(tag), _Block())


def _blocks(tokens: Iterable[str | _Block]) -> Iterator[_Block]:
    """Turn runs of text into paragraphs, where only \\0 breaks a line; keep blocks, and drop empty ones."""
    running = ""
    for token in (*tokens, _Block()):
        if isinstance(token, str):
            running += token
            continue
        lines = (" ".join(clean(line).split()) for line in running.split("\0"))
        running = ""
        yield from (block for block in (_Block("\n".join(filter(None, lines))), token) if block.text)


def _item(tag: Tag) -> Iterator[_Block]:
    mark = "- "
    for block in _blocks(_tokens(tag)):
        yield block if block.level else _Block(mark + block.text.replace("\n", "\n  "), item=True)
        mark = "  "


def _table(tag: Tag) -> _Block:
    rows = [(row, line) for row in tag.find_all(["caption", "tr"]) if (line := _row(row))]
    are_headers = [row.name == "caption" or not row.find("td") for row, _ in rows]
    count = are_headers.index(False) if False in are_headers else 0  # lines of the header
    if not any(row.find("th") for row, _ in rows) and len(rows) - count >= _FEWEST_ROWS and _are_names(rows[count][0]):
        count += 1
    lines = [line for _, line in rows]
    return _Block("\n".join(lines), head=len("\n".join(lines[:count])))


def _are_names(row: Tag) -> bool:
    """Whether the cells of a first row can be the names of the columns: all are filled, and none is a number."""
    cells = [_flat(cell) for cell in row.find_all("td")]
    return all(cells) and not any(re.fullmatch(r"[\W\d]+", cell) for cell in cells)


def _row(tag: Tag) -> str:
    cells = [_flat(cell) for cell in tag.find_all(["th", "td"])] or [_flat(tag)]
    return " | ".join(cells) if any(cells) else ""


def _flat(tag: Tag) -> str:
    """The text of a tag on one line."""
    return " ".join(" ".join(block.text for block in _blocks(_tokens(tag))).split())
