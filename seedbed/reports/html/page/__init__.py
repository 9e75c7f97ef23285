"""The page of a report: its templates, its style and its script, which make one file that loads nothing."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedbed.reports.html.section import Report
from seedbed.reports.html.svg import svg
from seedbed.reports.html.visible import visible

FOLDER = Path(__file__).parent
LINES = 200  # of a table that are shown


def page_of(report: Report) -> str:
    """The report as HTML. Every text in it is escaped, and no script runs but the page's own, which its policy names
    by its hash."""
    style, script = (Markup((FOLDER / name).read_text(encoding="utf-8")) for name in ("style.css", "tooltip.js"))
    template = _environment().get_template("page.html")
    return template.render(report=report, style=style, script=script, script_hash=_hash(script))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.globals.update(drawing=_drawing, lines=LINES)
    return environment


def _finalized(value: Any) -> Any:
    """What a template writes, with marks for characters that cannot be seen; markup is the page's own."""
    return value if isinstance(value, Markup) else visible(str(value))


def _drawing(chart: Any) -> Markup:
    """The chart as SVG, in which every text is escaped already."""
    return Markup(svg(chart))


def _hash(script: str) -> str:
    """The hash by which a content security policy allows a script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
