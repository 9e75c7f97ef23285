"""The page that a run and a compile leave at their end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.cli.shared.options import print_text
from seedbed.errors import UserError
from seedbed.terminal import readable

if TYPE_CHECKING:
    from seedbed.reports.html.section import Report


def leave_report(report: Callable[[], Report], path: Path, *, json: bool) -> None:
    """Write the page and name it below the summary; with `json` nothing is printed.

    A page that cannot be made is one line on stderr, whatever the fault: the command's own work is done by then, and
    its exit code stays.
    """
    from seedbed.reports.html.report import write_page

    try:
        write_page(report(), path)
    except UserError as error:
        _warn(f"{error} {error.hint}")
    except (Exception, KeyboardInterrupt) as error:
        _warn(f"{type(error).__name__} {str(error).partition(chr(10))[0]}".strip())
    else:
        if not json:
            print_text(f"  report: {path}")


def leave_run_report(folder: Path, *, json: bool) -> None:
    """The page of the run in a folder."""
    from seedbed.reports.html.report import PAGE, run_report

    leave_report(lambda: run_report(folder), folder / PAGE, json=json)


def _warn(why: str) -> None:
    print(f"seedbed: no report was written: {readable(why)}", file=sys.stderr)
