"""Turns reStructuredText into HTML, with the markup that Sphinx adds to it."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from typing import Any, ClassVar

_CODE = {"code", "code-block", "sourcecode", "doctest", "ipython", "plot", "prompt", "testcode", "testoutput"}
_SILENT = {"autoclass", "autofunction", "automodule", "currentmodule", "highlight", "index", "literalinclude"}
_SILENT |= {"module", "testcleanup", "testsetup", "toctree"}
_SETTINGS = {
    "_disable_config": True,
    "doctitle_xform": False,
    "embed_stylesheet": False,
    "file_insertion_enabled": False,
    "halt_level": 5,
    "initial_header_level": 1,
    "line_length_limit": sys.maxsize,  # else one long line makes docutils refuse the file
    "math_output": "LaTeX",
    "raw_enabled": False,
    "report_level": 5,
    "syntax_highlight": "none",
}


def to_html(text: str) -> str:
    """The body of the HTML page that docutils makes of `text`, with the outermost headings as `h1`.

    Roles and directives that docutils lacks keep their text; they are registered for the whole process.
    Faulty markup is ignored; where docutils itself fails, its exception is raised.
    """
    from docutils.core import publish_parts

    _learn_sphinx(text)
    return publish_parts(text, writer="html5", settings_overrides=_SETTINGS)["body"]


def _learn_sphinx(text: str) -> None:
    """Register the roles and directives in `text` that docutils lacks; it would drop their text."""
    from docutils.parsers.rst import directives, roles
    from docutils.parsers.rst.languages import en

    for name in set(re.findall(r"^[ \t]*\.\. ([\w:.+-]+)::", text, re.M)):
        if name in _CODE or name.lower() not in en.directives:
            directives.register_directive(name.lower(), _lenient_directive())
    directives.register_directive("date", _lenient_directive())
    for name in set(re.findall(r":(\w[\w:.+-]*):`", text)):
        if name in ("pep", "rfc") or name.lower() not in en.roles:
            roles.register_local_role(name, _lenient_role)


def _lenient_role(name: str, raw: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
    """The text that Sphinx would show: the title of `title <target>`, the last name of `~package.module.name`."""
    from docutils import nodes

    text = nodes.unescape(text)
    title = re.sub(r"(?<!^)\s*<[^<>]*>$", "", text)
    title = title.rsplit(".", 1)[-1] if title.startswith("~") else title.lstrip("!.")
    if title == text and name in ("pep", "rfc"):
        title = f"{name.upper()} {text}"
    return [nodes.inline(raw, title)], []


def _lenient_directive() -> Any:
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Lenient(Directive):
        """Keeps the text of a directive: code unchanged, prose with the argument as its first line."""

        optional_arguments, final_argument_whitespace, has_content = 1, True, True
        option_spec: ClassVar = defaultdict(lambda: str, name=str)  # any option; must not be empty

        def run(self) -> list[Any]:
            if self.name == "date":  # today's date would make the file another document tomorrow
                return [nodes.inline()]
            if self.name in _SILENT:
                return []
            if self.name in _CODE:
                code = "\n".join(self.content)
                return [nodes.literal_block(code, code)]
            container = nodes.container()
            if self.arguments:
                inline, _ = self.state.inline_text(f"{self.name}: {self.arguments[0]}", self.lineno)
                container += nodes.paragraph("", "", *inline)
            self.state.nested_parse(self.content, self.content_offset, container)
            return [container]

    return Lenient
