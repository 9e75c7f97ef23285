"""`seedbed compile`: fits the metric, then compiles the program."""

from enum import StrEnum
from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_to_compile,
    print_json,
    print_text,
)
from seedbed.cli.shared.report_page import leave_report
from seedbed.cli.shared.supply import YesOption, supply


class Ship(StrEnum):
    """The programs that a run can use."""

    compiled = "compiled"
    uncompiled = "uncompiled"


def compile(
    ship: Annotated[
        Ship | None, typer.Option(help="The program that runs use; by default the compiled one if it proved itself.")
    ] = None,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Compile the prompts against your seeds: fit the metric, search every step, compare on held-out sources.

    Writes compiled/RECIPE/TEACHER.json, the uncompiled program beside it, and a manifest that says which of the two
    ships and why. After an interrupt, run the same command to resume; if nothing has changed, no model is called.
    Where neither program makes a row of the held-out sources, the exit code is 1, and the output says what to try.
    """
    project = open_to_compile(config, teacher, [*(set or []), *([f"compile.ship={ship}"] if ship else [])])
    supply(project.config, project.base, yes=yes)
    from programs.core.background import run_sync
    from seedbed.compiling.compile import Compilation
    from seedbed.progress import Progress
    from seedbed.project.session import Session
    from seedbed.reports.summary import compile_summary

    with Progress() as progress, Session(project, project.journal) as session:
        compilation = Compilation(session, progress)
        manifest = run_sync(compilation.work())
        if times := progress.times():
            progress.say(f"time: {times}")
        paid = sum(tally.calls - tally.replayed for tally in session.journal.tallies.values())
    if json:
        print_json(manifest.model_dump())
    else:
        print_text(compile_summary(manifest, project.compiled_path(), paid))
    if project.config.report:
        from seedbed.reports.html.report import compile_page, compile_report

        leave_report(lambda: compile_report(project), compile_page(project), json=json)
    raise typer.Exit(int(bool(manifest.comparison and manifest.comparison.barren)))
