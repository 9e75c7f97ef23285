"""Opens compiled programs: those of a run, one for each teacher of the cascade, and the metric that scores them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from metrics.calibration.frozen import Frozen, uncalibrated
from metrics.calibration.predictions import Prediction
from metrics.metric import Metric
from optimize import artefact
from seedbed.compiling.figures import unlabelled_line
from seedbed.compiling.metric import asked_judges, project_metric
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.compiling.verdicts import open_metric, open_predictions
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.session import Session


def open_cascade(
    session: Session, *, uncompiled: bool, say: Callable[[str], None]
) -> tuple[list[TeacherProgram], Metric]:
    """The programs of a run, one for each teacher of the cascade, and its metric, which is the first program's.

    Says which programs they are, and why if the compile chose the uncompiled one. Raises UserError if there is no
    compiled program, or only one made for another recipe, teacher or model.
    """
    project = session.project
    frozen = open_metric(project) if project.config.metric else None
    aliases, loaded = project.config.roles.cascade, dict[str, artefact.Artefact]()
    for alias in aliases:
        if uncompiled:
            say(f"{_name(project, alias)}: uncompiled, as asked for")
        else:
            loaded[alias] = _loaded(session, alias, say)
    predictions: Sequence[Prediction] = []
    if frozen:
        predictions = open_predictions(project)
    elif loaded:
        frozen, predictions = loaded[aliases[0]].frozen, loaded[aliases[0]].predictions
    else:
        frozen = _without_verdicts(project, say)
    metric = project_metric(session, frozen)
    carried = {
        "recipe": project.recipe.name,
        "judges": [judge.aspect for judge in metric.judges],
        "metric": frozen.hash,
    }
    opened = [_opened(project, alias, loaded.get(alias), frozen, predictions, carried) for alias in aliases]
    for member in opened:
        metric = metric.showing(member.program)
    return opened, metric


def _loaded(session: Session, alias: str, say: Callable[[str], None]) -> artefact.Artefact:
    """The artefact of one teacher of a cascade. Raises UserError if it was shown a document that is held out now."""
    project, name = session.project, _name(session.project, alias)
    loaded = _load(project.swapped(alias), session.models.lm(alias).async_engine.identity)
    options = project.options.model_dump(mode="json")
    if (lender := loaded.manifest.teacher) != alias:
        name = f"program of {lender}"
        say(f"note: {alias} runs the {name}, so its figures may not hold here")
    if other := [key for key, value in loaded.manifest.options.items() if options.get(key) != value]:
        compiled = ", ".join(f"{key}: {loaded.manifest.options[key]!r}" for key in other)
        say(f"note: the {name} was compiled with other options ({compiled}), so its figures may not hold here")
    if held_groups := project.held_of(loaded.manifest.open_groups):
        raise UserError(
            f"{held_groups[0]} is held out now, but was not when the {name} was compiled.",
            hint=project.way_back(f"compile for {lender}"),
        )
    ships, why = loaded.manifest.ships, loaded.manifest.why
    say(f"{name}: {ships}" + ("" if ships == "compiled" else f" ({why})"))
    return loaded


def _opened(
    project: Project,
    alias: str,
    loaded: artefact.Artefact | None,
    frozen: Frozen,
    predictions: Sequence[Prediction],
    carried: dict[str, Any],
) -> TeacherProgram:
    """A teacher with the program that ships; without an artefact, the uncompiled one. Its measured acceptance counts
    only with the teacher and under the metric it was measured by."""
    program = loaded.shipped if loaded else project.program()
    manifest = loaded.manifest if loaded else None
    carried = carried | {
        "teacher": alias,
        "program": artefact.state_hash(program),
        "seeds": manifest.seeds["train"] if manifest and manifest.ships == "compiled" else [],
    }
    return TeacherProgram(
        alias,
        program,
        carried,
        frozen,
        manifest.acceptance if manifest and (manifest.teacher, manifest.metric) == (alias, frozen.hash) else None,
        dataclasses.replace(loaded, frozen=frozen, predictions=predictions) if loaded else None,
    )


def _without_verdicts(project: Project, say: Callable[[str], None]) -> Frozen:
    config = project.config
    say(unlabelled_line(config.embedder, documents=project.recipe.on_documents))
    return uncalibrated(asked_judges(project), config.embedder, config.gates.cross_encoder)


def _name(project: Project, alias: str) -> str:
    return "program" if len(project.config.roles.cascade) == 1 else f"program of {alias}"


def load_artefact(session: Session) -> artefact.Artefact:
    """The compiled program that the project's teacher runs. Raises UserError if none fits."""
    return _load(session.project, session.identity("teacher"))


def peek_artefact(project: Project) -> artefact.Artefact:
    """The same artefact, to read and not to run: no model is opened, and the teacher's alias may name another now."""
    return _load(project, None)


def program_path(project: Project) -> Path:
    """The path of the compiled program that the project's teacher runs."""
    return project.compiling.compiled_path()


def _load(project: Project, identity: str | None) -> artefact.Artefact:
    """`identity`: the model behind the teacher, which its own program must have been compiled for; None allows any."""
    teacher = project.compiling.config.teacher
    own, path = teacher == project.config.teacher, program_path(project)
    try:
        return artefact.load(
            project.recipe, path, options=project.options, teacher=teacher, identity=identity if own else None
        )
    except FileNotFoundError as error:
        others = [alias for alias in project.config.models if _is_compiled(project.swapped(alias))]
        lent = "".join(f"run that of {alias} with --set run.program={alias}, " for alias in others)
        raise UserError(
            f"There is no compiled program for {project.recipe.name} with {teacher}.",
            hint=f"Make one with seedbed compile --teacher {teacher}, {lent}or do without it with --uncompiled.",
        ) from error
    except (artefact.Mismatch, ValueError) as error:
        raise UserError(
            f"{error}.",
            hint=f"Make a new one with seedbed compile --teacher {teacher}, or do without it with --uncompiled.",
        ) from error


def _is_compiled(project: Project) -> bool:
    return artefact.manifest_path(project.compiled_path()).is_file()
