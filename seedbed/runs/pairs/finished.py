"""The finished run that pairs are made from: its report, and the program and metric that made its rows."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from metrics.metric import Metric
from optimize.artefact import state_hash
from programs.core.kinds import Chat
from seedbed.compiling.programs import open_cascade
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.record.report import REPORT, programs_of
from seedbed.runs.rows import PAIRS

ALONE = "or pair only what the run holds already: --samples 0"


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run in a folder. `project`: the one that made it, with the run's teacher. `report`: run.json's content."""

    folder: Path
    project: Project
    report: dict[str, Any]

    @property
    def program_and_metric(self) -> tuple[str, str]:
        """The hashes of what made and scored its rows."""
        return self.report["program"], self.report["metric"]

    def reopened(self, session: Session, say: Callable[[str], None]) -> tuple[Sequence[TeacherProgram], Metric]:
        """The program for each teacher of the run, and its metric. Raises UserError if they are others now: then the
        scores of new answers cannot be compared with those of the rows."""
        written = state_hash(self.project.program())
        try:
            uncompiled = set(self.report["program"].split()) == {written}
            cascade, metric = open_cascade(session, uncompiled=uncompiled, say=say)
        except UserError as error:
            raise UserError(str(error), hint=f"Bring the run's program back (seedbed compile), {ALONE}.") from error
        if (programs_of(cascade), cascade[0].carried["metric"]) != self.program_and_metric:
            raise UserError(
                f"The program or the metric is another one now than when {self.folder} was made, so new answers cannot "
                "be compared with its rows.",
                hint=f"Give --config and --set as for the run, {ALONE}.",
            )
        return cascade, metric


def finished_run(folder: Path, project: Project) -> FinishedRun:
    """The run in a folder, which this project made. Raises UserError if there is none, if it is of another recipe, or
    if its rows are no answers to prompts."""
    report = _report(folder)
    if report["recipe"] == PAIRS:
        raise UserError(f"{folder} holds pairs already.", hint="Name the folder of the run that they were made from.")
    if report["recipe"] != project.recipe.name:
        raise UserError(
            f"{folder} holds a run of {report['recipe']}, and the config is of {project.recipe.name}.",
            hint="Name the config of the run with --config.",
        )
    if not issubclass(project.recipe.program.row, Chat):
        raise UserError(
            f"The rows of {project.recipe.name} are not prompts with one answer, so there is nothing to pair.",
            hint="Name the folder of a run whose rows have messages; seedbed recipes says what each recipe makes.",
        )
    return FinishedRun(folder, _as_run(project, report), report)


def _as_run(project: Project, report: dict[str, Any]) -> Project:
    """The project with the teacher and the lent program of the run, whatever the config names now."""
    teachers, lender = list(report["teachers"]), report["config"]["run"].get("program")
    is_other = len(teachers) == 1 and teachers != project.config.roles.cascade
    config = project.config.swap(teachers[0]) if is_other else project.config
    run = config.run.model_copy(update={"program": lender})
    return project.with_config(config.model_copy(update={"run": run}))


def _report(folder: Path) -> dict[str, Any]:
    path = folder / REPORT
    if not path.is_file():
        raise UserError(f"{folder} holds no finished run.", hint="seedbed run --out DIR makes one.")
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged.", hint="Run the run's command again: it writes a new one.") from error
    if not isinstance(report, dict) or not {"recipe", "program", "metric", "teachers", "config"} <= report.keys():
        raise UserError(f"{path} is no run's.", hint="seedbed run --out DIR makes one.")
    return report
