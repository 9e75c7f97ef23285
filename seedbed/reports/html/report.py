"""Writes the report: one HTML page that loads nothing, the same bytes for the same folder."""

import base64
import dataclasses
import hashlib
import importlib.resources
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from programs.core.whole import write_whole
from seedbed.errors import UserError
from seedbed.reports.html.head import Head, compile_head, run_head
from seedbed.reports.html.run_folder import MadeWith, RunFolder
from seedbed.reports.html.section import Content, Section, compile_sections, run_sections
from seedbed.reports.html.svg import svg
from seedbed.terminal import marked
from seedbed.versions import versions

PAGE = "report.html"
LONGEST = 200  # lines of a table
CHARTS = ("altair", "vl_convert")  # of the extra `report`


def run_report(folder: Path, content: Content) -> tuple[Head, list[Section]]:
    """The report of the run in a folder, finished or not. Raises UserError if there is none, or the charts are not
    installed."""
    _check_extra()
    run = RunFolder(folder)
    if not (run.report or (folder / "journal.sqlite").is_file()):
        raise UserError(f"{folder} holds no run.", hint="seedbed run --out DIR makes one.")
    return run_head(run), run_sections(run, content)


def compile_report(compiled: Path, content: Content) -> tuple[Head, list[Section]]:
    """The report of a compile, by the path of its program, likewise."""
    _check_extra()
    made = MadeWith(compiled)
    if made.manifest is None:
        raise UserError(f"There is no compiled program at {compiled}.", hint="Make one with seedbed compile.")
    return compile_head(made, made.manifest), compile_sections(made, made.manifest, content)


def write_page(head: Head, sections: Sequence[Section], path: Path) -> None:
    """Write the page, whole or not at all. Raises UserError if it cannot be written."""
    page = _page(head, sections)
    try:
        write_whole(path, lambda aside: aside.write_bytes(page.encode("utf-8")))
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", hint="Name another file with --out.") from error


def _check_extra() -> None:
    for package in CHARTS:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"The report needs {package}, which is not installed.", hint="pip install 'seedbed[report]' brings it."
            )


def as_json(head: Head, sections: Sequence[Section]) -> dict[str, Any]:
    """The captions and tables of the report, for other programs."""
    figures = [
        {"section": section.name, "teacher": teacher, "caption": figure.caption, **dataclasses.asdict(figure.table)}
        for section in sections
        for teacher, figure in section.figures
    ]
    return {"head": dataclasses.asdict(head), "figures": figures}


def _page(head: Head, sections: Sequence[Section]) -> str:
    import jinja2
    from markupsafe import Markup

    script = _text("tooltip.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["shown"] = marked
    return environment.from_string(_text("page.html.j2")).render(
        head=head,
        sections=[_drawn(section) for section in sections],
        style=Markup(_text("style.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        longest=LONGEST,
        version=versions()["seedbed"],
    )


def _drawn(section: Section) -> dict[str, Any]:
    """The section as the template reads it, with its charts as SVG."""
    from markupsafe import Markup

    drawn = [
        {
            "of": teacher,
            "figure": figure,
            "svg": Markup(svg(figure.chart, f"{section.name}{place}")) if figure.chart is not None else "",
        }
        for place, (teacher, figure) in enumerate(section.figures)
    ]
    names = ("name", "title", "question", "rows", "prompts", "tables", "commands")
    return {name: getattr(section, name) for name in names} | {"drawn": drawn}


def _text(name: str) -> str:
    return importlib.resources.files("seedbed.reports.html").joinpath("page", name).read_text(encoding="utf-8")
