"""`seedbed doctor`: checks that files, models and embedder work."""

import sys

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
from seedbed.errors import UserError


def doctor(
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Check the project: read its files, make real calls per role and format, load the embedder; report each problem
    and its cause."""
    project = open_project(config, teacher, set)
    try:
        supply(project.config, project.base, yes=yes)
    except UserError as error:  # the check below names what is absent; this says why it could not be downloaded
        print(f"seedbed: {error}\n  {error.hint}", file=sys.stderr)
    from seedbed.project.doctor import diagnose

    findings = diagnose(project)
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print_text(f"{'ok ' if finding.ok else 'BAD'}  {finding.what}: {finding.said}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)
