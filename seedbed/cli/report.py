"""`seedbed report`: writes one page about a run or a compile."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    TeacherOption,
    open_project,
    print_json,
)

_OUT = typer.Option(help="The page; DIR/report.html, or beside the compiled program, by default.")
_NO_ROWS = typer.Option("--no-rows", help="Leave out every text of rows, prompts and documents, to share the figures.")
_NO_MAP = typer.Option("--no-map", help="Leave out the map of the rows, which takes the longest.")


def report(
    folder: Annotated[
        Path | None, typer.Argument(help="A run's folder; without one, the project's compile.", show_default=False)
    ] = None,
    out: Annotated[Path | None, _OUT] = None,
    no_rows: Annotated[bool, _NO_ROWS] = False,
    no_map: Annotated[bool, _NO_MAP] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    json: JsonOption = False,
) -> None:
    """Show a run or a compile on one page: where candidates are lost, whether the metric can be trusted, rows, prompts.

    The page is one file that loads nothing from anywhere, so it can be sent to others. Each figure says its finding in
    a sentence and has its numbers as a table. A run and a compile write it at their end, too (key report:).

    For example: seedbed report dataset --no-rows --out figures.html
    """
    from seedbed.reports.html.report import PAGE, as_json, compile_report, run_report, write_page
    from seedbed.reports.html.section import Content

    content = Content(texts=not no_rows, map=not no_map)
    if folder:
        head, sections = run_report(folder, content)
        page = out or folder / PAGE
    else:
        compiled = open_project(config, teacher).compiled_path()
        head, sections = compile_report(compiled, content)
        page = out or compiled.with_suffix(".report.html")
    if json:
        print_json(as_json(head, sections))
        return
    write_page(head, sections, page)
    print(page)
