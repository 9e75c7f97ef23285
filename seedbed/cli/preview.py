"""`seedbed preview`: shows a few rows, their prompts and their cost, before a run."""

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
    print_text,
)
from seedbed.cli.shared.supply import YesOption, supply


def preview(
    rows: Annotated[int, typer.Option(min=1, help="How many sources to try.")] = 3,
    uncompiled: Annotated[bool, typer.Option("--uncompiled", help="Use the prompts as written.")] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Show a few candidates with the prompts as sent, their scores and their cost. Nothing is written to a dataset."""
    project = open_project(config, teacher, set)
    supply(project.config, project.base, yes=yes)
    from seedbed.progress import Progress
    from seedbed.runs.preview import preview_rows, preview_text

    with Progress() as progress:
        candidates = preview_rows(project, rows, uncompiled=uncompiled, say=progress.say)
    if json:
        print_json(candidates)
    else:
        print_text("\n\n".join(map(preview_text, candidates)))
