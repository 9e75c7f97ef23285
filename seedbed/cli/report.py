"""`seedbed report`: one HTML page about a run, or about the compile."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    TeacherOption,
    open_to_compile,
    print_json,
    print_text,
)

_FOLDER = typer.Argument(help="A run's folder; none: the report is of the project's compile.", show_default=False)
_OUT = typer.Option(help="The file to write; DIR/report.html by default, or TEACHER.report.html beside the program.")
_NO_ROWS = typer.Option("--no-rows", help="Leave out all texts of rows, prompts and documents: to share the figures.")
_NO_MAP = typer.Option("--no-map", help="Leave out the map of topics, which takes seconds.")


def report(
    folder: Annotated[Path | None, _FOLDER] = None,
    out: Annotated[Path | None, _OUT] = None,
    no_rows: Annotated[bool, _NO_ROWS] = False,
    no_map: Annotated[bool, _NO_MAP] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    json: JsonOption = False,
) -> None:
    """Write one HTML page that says how good a run is, where candidates were lost, what it cost, and how rows look.

    The page is one file: it loads nothing, so it opens offline and can be sent. A run and a compile write theirs at the
    end (config key report). Only reads the folder: it opens no model, and a run may be going on. --json prints the
    finding and the table of every figure in place of the page.

    For example: seedbed report dataset --no-rows --out figures.html
    """
    from seedbed.reports.html.report import PAGE, compile_page, compile_report, run_report, write_page

    if folder:
        page, path = run_report(folder, rows=not no_rows, map=not no_map), folder / PAGE
    else:
        project = open_to_compile(config, teacher)
        page, path = compile_report(project, rows=not no_rows), compile_page(project)
    if json:
        print_json(page.findings())
        return
    write_page(page, out or path)
    print_text(str(out or path))
