"""Turns HTML into plain text, and says where the headings stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.document import Heading

if TYPE_CHECKING:
    from bs4 import Tag

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_INLINE = {"a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i"}
_INLINE |= {"img", "ins", "kbd", "label", "mark", "math", "q", "s", "samp", "small", "span", "strike"}
_INLINE |= {"strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}


def from_html(html: str) -> tuple[str, tuple[Heading, ...]]:
    """The plain text of an HTML page or fragment, and its headings; the text is empty where there is none.

    Lists keep their marks, tables their rows as `a | b`, and `pre` its lines; navigation is left out. Raises
    RecursionError when the tags are nested too deep.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "lxml")
    for tag in soup.select("head, script, style, nav, header, footer, template, a.headerlink"):
        tag.decompose()
    text, headings, tight = "", list[Heading](), False
    for block in _blocks(_tokens(soup)):
        if text:
            text += "\n" if tight and block.item else "\n\n"
        if block.level:
            headings.append(Heading(len(text), block.level, block.text))
        text, tight = text + block.text, block.item
    return text, tuple(headings)


@dataclass(frozen=True)
class _Block:
    """A block of plain text; `level` is a heading's, `item` marks a part of a list."""

    text: str = ""
    level: int = 0
    item: bool = False


def _tokens(node: Tag) -> Iterator[str | _Block]:
    """The tree in reading order: pieces of running text, and blocks, of which an empty one only separates."""
    from bs4.element import NavigableString, Tag

    for child in node.children:
        if isinstance(child, Tag):
            yield from _tag(child)
        elif type(child) is NavigableString:  # its subclasses are comments and the like
            yield str(child)


def _tag(tag: Tag) -> Iterator[str | _Block]:
    if tag.name == "br":
        yield "\0"
    elif tag.name in _HEADINGS:
        yield _Block(_flat(tag), level=int(tag.name[1]))
    elif tag.name == "pre":
        yield _Block("".join(tag.strings).strip("\n").rstrip())
    elif tag.name == "li":
        yield from _item(tag)
    elif tag.name == "table" and not tag.find(["table", "pre", *_HEADINGS]):  # such a one is mere layout
        yield _Block("\n".join(filter(None, map(_row, tag.find_all(["caption", "tr"])))))
    elif tag.name in _INLINE:
        yield from _tokens(tag)
    else:
        yield from (_Block(), *_tokens(tag), _Block())


def _blocks(tokens: Iterable[str | _Block]) -> Iterator[_Block]:
    """Runs of text become paragraphs, in which only \\0 breaks a line; blocks stay; empty ones go."""
    running = ""
    for token in (*tokens, _Block()):
        if isinstance(token, str):
            running += token
            continue
        lines = (" ".join(line.split()) for line in running.split("\0"))
        running = ""
        yield from (block for block in (_Block("\n".join(filter(None, lines))), token) if block.text)


def _item(tag: Tag) -> Iterator[_Block]:
    mark = "- "
    for block in _blocks(_tokens(tag)):
        yield block if block.level else _Block(mark + block.text.replace("\n", "\n  "), item=True)
        mark = "  "


def _row(tag: Tag) -> str:
    cells = [_flat(cell) for cell in tag.find_all(["th", "td"])] or [_flat(tag)]
    return " | ".join(cells) if any(cells) else ""


def _flat(tag: Tag) -> str:
    """The text of a tag on one line."""
    return " ".join(" ".join(block.text for block in _blocks(_tokens(tag))).split())
