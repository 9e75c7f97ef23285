"""`seedbed estimate`: estimates the cost of a run before it starts."""

from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
)
from seedbed.cli.shared.supply import YesOption, supply


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
    """Try a few sources, and estimate from them what N accepted rows take: calls, tokens, dollars and hours.

    The pilot's calls are real and are paid once; their replies are kept, so a repeat costs nothing. Every figure is
    given by model and with a 95% range, over both the share of accepted sources and the cost of one. Time is that of
    the models at the concurrency, rpm and tpm of their entries. A price that neither the config nor DSPy knows is
    reported as unknown. If no row of the pilot is accepted, there are only lower bounds, and the exit code is 1.

    For example: seedbed estimate --rows 10000 --pilot 30
    """
    project = open_project(config, teacher, set)
    supply(project.config, project.base, yes=yes)
    from seedbed.progress import Progress
    from seedbed.runs.forecast.estimate import estimate_rows, estimate_text

    with Progress() as progress:
        figures = estimate_rows(
            project, rows or project.config.run.rows, pilot, uncompiled=uncompiled, progress=progress
        )
    if json:
        print_json(figures)
    else:
        print(estimate_text(figures))
    raise typer.Exit(int(not figures["pilot"]["accepted"]))
