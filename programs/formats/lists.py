"""Reads a list that a model wrote in lines: with numbers or bullets, or bare."""

import re

_NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*\u2022])(?!\d)\s*")  # "1.5 litres" and "-4" are no numbering
_COLONS = (":", "\uff1a")


def in_lines(text: str) -> list[str]:
    """The items, without the line that announces them. Raises ValueError where it is unclear which lines are items."""
    lines = text.splitlines()
    return _numbered(lines) if any(map(_NUMBERED.match, lines)) else _bare(lines)


def _bare(lines: list[str]) -> list[str]:
    """One item per line, except a first line that announces them."""
    items = [line.strip() for line in lines if line.strip()]
    items = items[1:] if items[0].endswith(_COLONS) else items
    if not items or any(item.endswith('",') for item in items):
        raise ValueError("no list")
    return items


def _numbered(lines: list[str]) -> list[str]:
    """Items begin with a number or bullet and go on in indented lines; a blank line with a remark ends them."""
    items, is_over, blank = list[str](), False, False
    for line in lines:
        begins = _NUMBERED.match(line)
        if not line.strip():
            blank = True
            continue
        if (is_over and begins) or not (begins or items or line.rstrip().endswith(_COLONS)):
            raise ValueError("a list with something before or between its items")
        if begins:
            items.append(line[begins.end() :].strip())
        elif items and line[0].isspace() and not is_over:
            items[-1] = f"{items[-1]} {line.strip()}"
        elif items and not (blank or is_over):
            raise ValueError("an item, or a remark, that goes on in the next line")
        else:
            is_over = bool(items)
        blank = False
    return [item for item in items if item]
