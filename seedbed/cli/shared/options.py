"""The options that commands share (--config, --teacher, --set, --json), and functions to open a project and print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedbed.terminal import readable

if TYPE_CHECKING:
    from seedbed.project.project import Project

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The project's config file.")]
TeacherOption = Annotated[str | None, typer.Option("--teacher", help="Swap the teacher: an alias under models:.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for other programs.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a config key, as section.key=value; may be given again.", metavar="KEY=VALUE"),
]
CONFIG = Path("seedbed.yaml")


def open_project(config: Path, teacher: str | None = None, overrides: list[str] | None = None) -> Project:
    """Open the project of a config file, with another teacher and overridden keys if given."""
    from seedbed.config.load import load_config
    from seedbed.encodings import decode
    from seedbed.project.project import Project

    settings = load_config(config, overrides or [])
    if encoding := decode(config.read_bytes())[1]:
        print(f"seedbed: {config}: read as {encoding}", file=sys.stderr)
    return Project(settings.swap(teacher), config.parent.resolve())


def open_to_compile(config: Path, teacher: str | None, overrides: list[str] | None = None) -> Project:
    """Likewise, with the teacher that programs are compiled for: the given one, else that of `run.program`."""
    project = open_project(config, teacher, overrides)
    return project if teacher else project.compiling


def print_text(text: str) -> None:
    """Print text for people on stdout, without terminal control codes from documents and models."""
    print(readable(text))


def print_json(result: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(result, indent=1, default=str))
