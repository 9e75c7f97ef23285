"""Opens compiled programs: those of a run, one for each teacher of the cascade, and the metric that scores them."""

import dataclasses
from collections.abc import Callable, Sequence

from metrics.calibration.frozen import Frozen, uncalibrated
from metrics.metric import Metric
from optimize import artefact
from programs.core.program import Program
from seedbed.compiling.figures import unlabelled_line
from seedbed.compiling.metric import asked_judges, project_metric
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.compiling.verdicts import open_metric
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
    opened = list[TeacherProgram]()
    for alias in project.config.roles.cascade:
        if uncompiled:
            opened.append(_uncompiled(project, alias, say))
            continue
        loaded = _loaded(session, alias, say)
        frozen = frozen or loaded.frozen
        opened.append(_shipped(alias, loaded, frozen))
    frozen = frozen or _without_verdicts(project, say)
    metric = project_metric(session, frozen)
    for shipped in opened:
        metric = metric.showing(shipped.program)
    carried = {
        "recipe": project.recipe.name,
        "judges": [judge.aspect for judge in metric.judges],
        "metric": frozen.hash,
    }
    return [dataclasses.replace(shipped, carried=carried | shipped.carried) for shipped in opened], metric


def _uncompiled(project: Project, alias: str, say: Callable[[str], None]) -> TeacherProgram:
    say(f"{_name(project, alias)}: uncompiled, as asked for")
    return _of_teacher(alias, project.program(), [], None)


def _loaded(session: Session, alias: str, say: Callable[[str], None]) -> artefact.Artefact:
    """The artefact of one teacher of a cascade. Raises UserError if it was shown a document that is held out now."""
    project, name = session.project, _name(session.project, alias)
    loaded = _load(project.swapped(alias), session.models.lm(alias).async_engine.identity)
    options = project.options.model_dump(mode="json")
    if other := [key for key, value in loaded.manifest.options.items() if options.get(key) != value]:
        compiled = ", ".join(f"{key}: {loaded.manifest.options[key]!r}" for key in other)
        say(f"note: the {name} was compiled with other options ({compiled}), so its figures may not hold here")
    if held_groups := project.held_of(loaded.manifest.open_groups):
        raise UserError(
            f"{held_groups[0]} is held out now, but was not when the {name} was compiled.",
            hint=project.way_back("compile"),
        )
    ships, why = loaded.manifest.ships, loaded.manifest.why
    say(f"{name}: {ships}" + ("" if ships == "compiled" else f" ({why})"))
    return loaded


def _shipped(alias: str, loaded: artefact.Artefact, frozen: Frozen) -> TeacherProgram:
    """The program that ships. Its measured acceptance counts only under the metric it was measured by."""
    manifest = loaded.manifest
    seeds = manifest.seeds["train"] if manifest.ships == "compiled" else []
    return _of_teacher(alias, loaded.shipped, seeds, manifest.acceptance if manifest.metric == frozen.hash else None)


def _of_teacher(alias: str, program: Program, seeds: Sequence[str], acceptance: float | None) -> TeacherProgram:
    columns = {"teacher": alias, "program": artefact.state_hash(program), "seeds": seeds}
    return TeacherProgram(alias, program, columns, acceptance)


def _without_verdicts(project: Project, say: Callable[[str], None]) -> Frozen:
    config = project.config
    say(unlabelled_line(config.embedder, documents=project.recipe.on_documents))
    return uncalibrated(asked_judges(project), config.embedder, config.gates.cross_encoder)


def _name(project: Project, alias: str) -> str:
    return "program" if len(project.config.roles.cascade) == 1 else f"program of {alias}"


def load_artefact(session: Session) -> artefact.Artefact:
    """The artefact compiled for the project's teacher. Raises UserError if none fits."""
    return _load(session.project, session.identity("teacher"))


def peek_artefact(project: Project) -> artefact.Artefact:
    """The same artefact, to read and not to run: no model is opened, and the teacher's alias may name another now."""
    return _load(project, None)


def _load(project: Project, identity: str | None) -> artefact.Artefact:
    path = project.compiled_path()
    try:
        return artefact.load(
            project.recipe, path, options=project.options, teacher=project.config.teacher, identity=identity
        )
    except FileNotFoundError as error:
        raise UserError(
            f"There is no compiled program for {project.recipe.name} with {project.config.teacher}.",
            hint="Make one with seedbed compile, or do without it with --uncompiled.",
        ) from error
    except (artefact.Mismatch, ValueError) as error:
        raise UserError(
            f"{error}.", hint="Make a new one with seedbed compile, or do without it with --uncompiled."
        ) from error
