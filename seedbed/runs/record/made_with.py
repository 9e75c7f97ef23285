"""The programs, prompts and metric of a run, kept in its folder: the same files as in the project's compiled/."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from optimize.artefact import metric_path, save, save_state, uncompiled_path
from seedbed.compiling.teacher_program import TeacherProgram

MADE_WITH = "made_with"


def keep_programs(cascade: Sequence[TeacherProgram], out: Path) -> None:
    """Write OUT/made_with: for each teacher its compiled program with all companions, or its uncompiled program with
    the metric. Raises OSError."""
    folder = out / MADE_WITH
    shutil.rmtree(folder, ignore_errors=True)  # an earlier run without rows may have had other programs
    folder.mkdir(parents=True)
    for member in cascade:
        path = folder / f"{member.teacher}.json"
        if member.artefact:
            save(member.artefact, path)
        else:
            save_state(member.program, uncompiled_path(path))
            member.frozen.save(metric_path(path))
