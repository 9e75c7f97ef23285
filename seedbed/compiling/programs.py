"""Compiled programs opened: those of a run, one a teacher of the cascade, with the metric they are scored by."""

from collections.abc import Callable

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
    """The programs of a run, one a teacher of the cascade, and its metric, which is the first one's.

    Says which programs they are, and why where the compile's own figures had the uncompiled one ship. Raises
    UserError where there is no compiled program, or one made for something else.
    """
    project, opened = session.project, list[tuple[str, Program, list[str], float | None]]()
    frozen: Frozen | None = open_metric(project) if project.config.metric else None
    for alias in project.config.roles.cascade:
        named = "program" if len(project.config.roles.cascade) == 1 else f"program of {alias}"
        if uncompiled:
            say(f"{named}: uncompiled, as asked for")
            opened.append((alias, project.recipe.program(), [], None))
            continue
        of_alias = Project(project.config.swap(alias), project.base)
        found = _load(of_alias, session.models.lm(alias).async_engine.identity)
        if held := project.held_of(found.manifest.open_groups):
            raise UserError(
                f"{held[0]} is held out now, and the {named} was compiled when it was not.",
                hint=project.way_back("compile"),
            )
        ships, frozen = found.manifest.ships, frozen or found.frozen
        seeds = found.manifest.seeds["train"] if ships == "compiled" else []
        measured = found.manifest.acceptance if found.manifest.metric == frozen.hash else None
        opened.append((alias, found.shipped, seeds, measured))
        say(f"{named}: {ships}" + ("" if ships == "compiled" else f" ({found.manifest.why})"))
    gates = project.config.gates
    if frozen is None:
        say(unlabelled_line(project.config.embedder, documents=project.recipe.takes == "documents"))
        frozen = uncalibrated(asked_judges(project), project.config.embedder, gates.cross_encoder)
    metric = project_metric(session, frozen)
    for _, program, *_ in opened:
        metric = metric.showing(program)
    carried = {
        "recipe": project.recipe.name,
        "judges": [judge.aspect for judge in metric.judges],
        "metric": frozen.hash,
    }
    return [
        TeacherProgram(
            alias,
            program,
            carried | {"teacher": alias, "program": artefact.state_hash(program), "seeds": seeds},
            acceptance,
        )
        for alias, program, seeds, acceptance in opened
    ], metric


def load_artefact(session: Session) -> artefact.Artefact:
    """What was compiled for the project's teacher. Raises UserError where there is none that fits."""
    return _load(session.project, session.identity("teacher"))


def peek_artefact(project: Project) -> artefact.Artefact:
    """The same to be looked at and not run: whatever model stands behind the teacher's alias now, none is opened."""
    return _load(project, None)


def _load(project: Project, identity: str | None) -> artefact.Artefact:
    path = project.compiled_path()
    try:
        return artefact.load(project.recipe, path, teacher=project.config.teacher, identity=identity)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no compiled program for {project.recipe.name} with {project.config.teacher}.",
            hint="seedbed compile makes one; --uncompiled does without.",
        ) from error
    except (artefact.Mismatch, ValueError) as error:
        raise UserError(f"{error}.", hint="seedbed compile makes a new one; --uncompiled does without.") from error
