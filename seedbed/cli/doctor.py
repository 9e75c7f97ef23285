"""`seedbed doctor`: does everything answer?"""

import sys

import typer

from seedbed.cli.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
    print_text,
)
from seedbed.cli.supply import YesOption, supply
from seedbed.errors import UserError


def doctor(
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Check the project: read its files, make real calls per role and format, load the embedder; say what is wrong and
    why."""
    project = open_project(config, teacher, set)
    try:
        supply(project.config, project.base, yes=yes)
    except UserError as error:  # what is absent is found below; why it could not be brought is said here
        print(f"seedbed: {error}\n  {error.hint}", file=sys.stderr)
    from seedbed.project.doctor import diagnose

    findings = diagnose(project)
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print_text(f"{'ok ' if finding.ok else 'BAD'}  {finding.what}: {finding.said}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)
