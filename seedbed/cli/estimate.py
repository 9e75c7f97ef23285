"""`seedbed estimate`: what a run will cost, before it is paid."""

from typing import Annotated

import typer

from seedbed.cli.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
)
from seedbed.cli.supply import YesOption, supply


def estimate(
    rows: Annotated[int | None, typer.Option(min=1, help="Accepted rows wanted; run.rows by default.")] = None,
    pilot: Annotated[int, typer.Option(min=2, help="How many sources to try; more of them narrow the ranges.")] = 10,
    uncompiled: Annotated[bool, typer.Option("--uncompiled", help="Use the prompts as written.")] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Try a few sources, and tell from them what N accepted rows take: calls, tokens, dollars and hours.

    The pilot's calls are real and paid, once: they are kept, and asked for again cost nothing. Every figure comes by
    model and with a 95% range, which counts both how many sources are accepted and what one takes. Time is that of the
    models at the concurrency, rpm and tpm of their entries. A price that neither the config nor DSPy knows is said to
    be unknown. Where no row of the pilot is accepted only lower bounds can be told, and the exit code is 1.

    For example: seedbed estimate --rows 10000 --pilot 30
    """
    project = open_project(config, teacher, set)
    supply(project.config, project.base, yes=yes)
    from seedbed.progress import Progress
    from seedbed.runs.estimate import estimate_rows, estimate_text

    with Progress() as progress:
        estimated = estimate_rows(
            project, rows or project.config.run.rows, pilot, uncompiled=uncompiled, progress=progress
        )
    if json:
        print_json(estimated)
    else:
        print(estimate_text(estimated))
    raise typer.Exit(int(not estimated["pilot"]["accepted"]))
