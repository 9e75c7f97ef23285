"""Writes the report at the end of a run or a compile. What goes wrong with it is one line, and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.errors import UserError

if TYPE_CHECKING:
    from seedbed.config.load import Config
    from seedbed.reports.html.head import Head
    from seedbed.reports.html.section import Section


def report_of_run(config: Config, folder: Path) -> str | None:
    """Write the report of the run in a folder; returns the line to print. None if the config has no report."""
    from seedbed.reports.html.report import PAGE, run_report
    from seedbed.reports.html.section import Content

    return _line(config, folder / PAGE, lambda: run_report(folder, Content()))


def report_of_compile(config: Config, compiled: Path) -> str | None:
    """Write the report of a compile, by the path of its program, likewise."""
    from seedbed.reports.html.report import compile_report
    from seedbed.reports.html.section import Content

    return _line(config, compiled.with_suffix(".report.html"), lambda: compile_report(compiled, Content()))


def _line(config: Config, page: Path, made: Callable[[], tuple[Head, list[Section]]]) -> str | None:
    from seedbed.reports.html.report import write_page

    if not config.report:
        return None
    try:
        write_page(*made(), page)
    except UserError as error:
        return f"no report: {error} {error.hint}"
    except Exception as error:  # a picture of a run must not spoil the run
        return f"no report: {type(error).__name__}: {error}"
    return f"report: {page}"
