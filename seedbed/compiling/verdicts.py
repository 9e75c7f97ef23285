"""`seedbed calibrate`: fits or checks a metric on a file of verdicts."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from metrics.calibration.calibrate import check
from metrics.calibration.fit import Fitted
from metrics.calibration.frozen import Frozen, load_frozen
from metrics.calibration.observations import Alike
from metrics.calibration.predictions import Prediction, predictions_path, read_predictions, save_predictions
from metrics.calibration.readings import Case, Reader, judge_names
from metrics.calibration.verdicts import LabelledCase, verdict_line
from programs.core.background import run_sync
from programs.core.language import is_english
from programs.core.recipe import Recipe
from programs.judges.judge import Judge, Pairwise
from seedbed.compiling.calibrate import Calibrator
from seedbed.compiling.metric import calibrator, check_reader
from seedbed.config.sections import Roles
from seedbed.errors import UserError
from seedbed.models.cross_encoder import Entailment
from seedbed.models.embedder import MODEL, Embedder
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.sources.lines import labelled_lines

NOBODY = "none"


def read_cases(path: Path) -> list[Case]:
    """The labelled cases of a file. Raises UserError, which names every bad line."""
    return labelled_lines(path, verdict_line, missing="Name a file of labelled cases with --verdicts.")


def calibrate_cases(
    cases: list[Case], project: Project | None, judge: str | None, progress: Progress
) -> tuple[Frozen, list[Prediction]]:
    """Fit and freeze a metric; beside it, its prediction for each verdict. `judge`: an alias, `none` for evidence
    alone, or None for the project's own judge.

    Without a project there is only evidence, from the embedded embedder. If a judge is shown verdicts, the project's
    split is saved, so that their documents stay open. Raises UserError if all labels are of one kind.
    """
    frozen, predictions = _calibrated(cases, project, judge, progress)
    if project and frozen.shown:
        project.keep_sides(progress.say)
    return frozen, predictions


def _calibrated(
    cases: list[Case], project: Project | None, judge: str | None, progress: Progress
) -> tuple[Frozen, list[Prediction]]:
    try:
        if project is None or judge == NOBODY:
            name = project.config.embedder if project else MODEL
            encoder = project.config.gates.cross_encoder if project else None
            grouped = project.grouped if project else list[Case]
            english = _are_english(cases, project)
            bare = Calibrator(Embedder(name), name, progress, cross_encoder=encoder, grouped=grouped, english=english)
            return run_sync(bare.frozen(cases)), bare.predictions
        alias = judge or project.config.roles.named()["judge"]
        with judging(project, alias) as session:
            freezer = calibrator(session, progress, teacher=project.config.teacher)
            return run_sync(freezer.frozen(cases)), freezer.predictions
    except Alike as error:
        raise UserError(
            f"{error}", hint="Calibrating takes rows that people accepted and rows that they did not."
        ) from error


def check_cases(
    cases: list[Case], frozen: Frozen, project: Project | None, judge: str | None, progress: Progress
) -> Frozen:
    """The frozen metric with its figures on these cases; nothing is fitted again. Calls its own judges if it has any
    and there is a model. Raises UserError if all labels are of one kind."""
    rows = [case for case in cases if isinstance(case, LabelledCase) is not frozen.pairs]
    if skipped := len(cases) - len(rows):
        progress.say(
            f"{skipped} lines are left out: the metric was fitted only to {'preferences' if frozen.pairs else 'rows'}"
        )
    rows = project.grouped(rows) if project else rows
    embed, english = Embedder(frozen.embedder), _are_english(cases, project)
    entail = Entailment(frozen.cross_encoder) if frozen.cross_encoder else None
    try:
        if project is None or judge == NOBODY or not (frozen.judges or frozen.pairwise or frozen.reader):
            if frozen.judges or frozen.pairwise or frozen.reader:
                progress.say("the metric's own judges are not called: these figures are those of the evidence alone")
            reader = Reader(embed, entail=entail, english=english)
            return _checked(reader, frozen, frozen.alone.fitted if frozen.alone else None, rows)
        alias = judge or project.config.roles.named()["judge"]
        with judging(project, alias) as session, progress.task("check", len(rows)) as task:
            check_reader(session, frozen)
            judges, pairwise = _opened(frozen, project.recipe if project else None)
            reader = Reader(
                embed,
                entail=entail,
                judges=judges,
                pairwise=pairwise,
                writer=alias,
                heard=task,
                reads=bool(frozen.reader),
                english=english,
            )
            return _checked(reader, frozen, None, rows)
    except Alike as error:
        raise UserError(
            f"{error}", hint="Checking takes rows that people accepted and rows that they did not."
        ) from error


def save_metric(frozen: Frozen, predictions: Sequence[Prediction], path: Path) -> None:
    """Write METRIC.json, and METRIC.verdicts.jsonl beside it. Raises UserError if they cannot be written."""
    try:
        frozen.save(path)
        save_predictions(predictions, predictions_path(path))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}.", hint="Name another file with --out.") from error


def open_frozen(path: Path) -> Frozen:
    """Read METRIC.json. Raises UserError if it cannot be read or holds no metric."""
    try:
        return load_frozen(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.", hint="seedbed calibrate writes one.") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is not a frozen metric of this version.",
            hint="seedbed calibrate --verdicts FILE writes a new one.",
        ) from error


def open_metric(project: Project) -> Frozen:
    """The metric that the config names under `metric:`. Raises UserError if it cannot score rows."""
    assert project.config.metric
    frozen = open_frozen(project.base / project.config.metric)
    if frozen.pairs:
        raise UserError(
            f"metric: {project.config.metric} was calibrated on preferences, so it cannot score single rows.",
            hint="Calibrate on rows with labels 0 and 1.",
        )
    if frozen.unread:
        raise UserError(
            f"metric: {project.config.metric} weighs {', '.join(frozen.unread)}, scores that were taken elsewhere.",
            hint="Calibrate on lines without these scores: compile and run cannot compute them.",
        )
    if held_groups := project.held_of(frozen.shown):
        raise UserError(
            f"metric: {project.config.metric} shows its judges verdicts on {held_groups[0]}, which is held out now.",
            hint=project.way_back("calibrate"),
        )
    return frozen


def open_predictions(project: Project) -> list[Prediction]:
    """The predictions beside the metric that the config names under `metric:`; empty if there are none."""
    assert project.config.metric
    path = predictions_path(project.base / project.config.metric)
    try:
        return read_predictions(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return []  # they are only for pictures


def _opened(frozen: Frozen, recipe: Recipe | None) -> tuple[list[Judge], Pairwise | None]:
    """The frozen judges of rows and of preferences. Raises UserError for those of another version."""
    try:
        pairwise = Pairwise()
        if frozen.pairwise:
            pairwise.load_state(frozen.pairwise)
        return frozen.opened(recipe), pairwise if frozen.pairwise else None
    except ValueError as error:
        raise UserError(f"The frozen judges cannot be used: {error}.", hint="Calibrate again.") from error


def _are_english(cases: Sequence[Case], project: Project | None) -> bool:
    """Whether the project's seeds are in English; without a project, whether the cases are."""
    if project:
        return project.inputs.manner.english
    rows = [row for case in cases for row in ([case.row] if isinstance(case, LabelledCase) else case.rows)]
    return is_english(text for row in rows for text in (row.prompt, row.response))


def _checked(reader: Reader, frozen: Frozen, fitted: Fitted | None, rows: list[Case]) -> Frozen:
    """The metric with its figures on these rows. `fitted`: the fit to measure; None measures the frozen one."""
    observations = run_sync(reader.observe(rows))
    figures = check(fitted or frozen.fitted, observations, judge_names(observations))
    return frozen.model_copy(update={"figures": figures, "aspects": {}})


def judging(project: Project, alias: str) -> Session:
    """A session in which this model judges. The teacher is not opened, because calibration does not call it."""
    config = project.config.swap(alias)
    judge_config = config.model_copy(update={"roles": Roles(teacher=alias, judge=alias, reflection=alias)})
    return Session(project.with_config(judge_config), project.journal)
