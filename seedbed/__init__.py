"""Training data from documents and a few labelled seeds. The command line is `seedbed`; these are its main commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

    from optimize.artefact import Manifest
    from seedbed.project.project import Project


def open_project(folder: str | Path, *overrides: str) -> Project:
    """The project of a folder with a seedbed.yaml. `overrides` are `section.key=value`, as `--set` takes them.

    Raises UserError, with a sentence for people, if the config has mistakes.
    """
    from seedbed.config.load import FILE, load_config
    from seedbed.project.project import Project

    path = Path(folder) / FILE
    return Project(load_config(path, overrides), path.parent.resolve())


def compile(project: Project) -> Manifest:
    """Fit the metric, search every step, compare on held-out documents. Returns the results and the selected program.

    A second compile of the same project asks no model. Raises UserError for a mistake, TeacherDown for a dead model.
    """
    from programs.core.background import run_sync
    from seedbed.compiling.compile import Compilation
    from seedbed.progress import Progress
    from seedbed.project.session import Session

    project = project.compiling
    with Progress() as progress, Session(project, project.journal) as session:
        return run_sync(Compilation(session, progress).work())


def run(project: Project, out: str | Path, *, uncompiled: bool = False) -> Dataset:
    """Make `run.rows` accepted rows in the folder `out`, or stop at a limit. Returns the rows of both splits.

    Called again with the same folder, it resumes. Raises UserError for a mistake, or if no row was accepted.
    """
    from seedbed.errors import UserError
    from seedbed.progress import Progress
    from seedbed.runs.dataset import write_dataset

    folder = Path(out)
    with Progress() as progress:
        report, _ = write_dataset(project, folder, uncompiled=uncompiled, progress=progress)
    if not report["counts"]["accepted"]:
        raise UserError(f"No row was accepted: {report['stopped']}.", hint=f"{folder / 'run.json'} has the reasons.")
    from datasets import concatenate_datasets, load_dataset

    return concatenate_datasets([*load_dataset(str(folder)).values()])
