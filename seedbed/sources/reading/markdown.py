"""Turns Markdown into a Document, without the markup of publishing tools."""

from __future__ import annotations

import re

import yaml

from seedbed.sources.reading.document import Document

_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*$\n?", re.M | re.S)
_KEY = re.compile(r"[\w.-]+:(?:\s|$)")
_OF_YAML = re.compile(r"\s*$|[ \t]|#|-[ \t]|[\w.-]+:(?:\s|$)")
# Marks that mdBook and Hugo replace: includes of files that are not here, and shortcodes.
_BUILD_MARKS = re.compile(r"^(\{\{#\w*include [^}\n]*\}\}|\{\{[%<].*[%>]\}\}\.?)$", re.M)
_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[`~]*[ \t]*$|`[^`\n]+`", re.M)
# MDX: imports and exports at the left edge up to the next blank line, braces with code, tags of components.
_MODULES = re.compile(r"^(?:import|export)\s[^\n]*(?:\n(?!\s*\n)[^\n]+)*", re.M)
_BRACES = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}")
_COMPONENT = re.compile(r"</?[A-Z][\w.]*(?:\s[^<>]*)?/?>|</?>")


def from_markdown(text: str) -> Document:
    """The text, headings and tables of a Markdown page (CommonMark and tables), without its front matter."""
    from markdown_it import MarkdownIt

    from seedbed.sources.reading.html import from_html

    body = _BUILD_MARKS.sub("", _without_front_matter(text))
    return from_html(MarkdownIt("commonmark").enable("table").render(body))


def without_jsx(text: str) -> str:
    """Turn MDX into Markdown: remove imports, exports, code in braces and component tags; keep code blocks."""
    parts, end = [], 0
    for code in (*_FENCE.finditer(text), None):
        prose = text[end : code.start() if code else len(text)]
        parts += [_COMPONENT.sub("", _BRACES.sub("", _MODULES.sub("", prose))), code[0] if code else ""]
        end = code.end() if code else end
    return "".join(parts)


def _without_front_matter(text: str) -> str:
    """Remove a block of YAML or TOML keys at the very top. A block that only looks so, such as a rule, is text."""
    front = _FRONT.match(text)
    if not front or not front[2].strip():
        return text
    return text[front.end() :] if (_is_yaml if front[1] == "---" else _is_toml)(front[2]) else text


def _is_yaml(block: str) -> bool:
    if re.match(r"#+ .*\n[ \t]*\n", block):  # a heading, which YAML would lose as a comment
        return False
    try:
        keys = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError):  # such as `title: The weir: a history`
        lines = block.splitlines()
        return any(map(_KEY.match, lines)) and all(map(_OF_YAML.match, lines))
    return isinstance(keys, dict) and all(_KEY.match(f"{key}:") for key in keys)


def _is_toml(block: str) -> bool:
    import tomllib

    try:
        tomllib.loads(block)
    except tomllib.TOMLDecodeError:
        return False
    return True
