"""Opens compiled programs: those of a run, one for each teacher of the cascade, and the metric that scores them."""

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
    """The programs of a run, one for each teacher of the cascade, and its metric, which is the first program's.

    Says which programs they are, and why if the compile chose the uncompiled one. Raises UserError if there is no
    compiled program, or only one made for another recipe, teacher or model.
    """
    project, opened = session.project, list[tuple[str, Program, list[str], float | None]]()
    frozen: Frozen | None = open_metric(project) if project.config.metric else None
    for alias in project.config.roles.cascade:
        name = "program" if len(project.config.roles.cascade) == 1 else f"program of {alias}"
        if uncompiled:
            say(f"{name}: uncompiled, as asked for")
            opened.append((alias, project.recipe.program(), [], None))
            continue
        of_alias = project.swapped(alias)
        loaded = _load(of_alias, session.models.lm(alias).async_engine.identity)
        if held_groups := project.held_of(loaded.manifest.open_groups):
            raise UserError(
                f"{held_groups[0]} is held out now, but was not when the {name} was compiled.",
                hint=project.way_back("compile"),
            )
        ships, frozen = loaded.manifest.ships, frozen or loaded.frozen
        seeds = loaded.manifest.seeds["train"] if ships == "compiled" else []
        acceptance = loaded.manifest.acceptance if loaded.manifest.metric == frozen.hash else None
        opened.append((alias, loaded.shipped, seeds, acceptance))
        say(f"{name}: {ships}" + ("" if ships == "compiled" else f" ({loaded.manifest.why})"))
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
    """The artefact compiled for the project's teacher. Raises UserError if none fits."""
    return _load(session.project, session.identity("teacher"))


def peek_artefact(project: Project) -> artefact.Artefact:
    """The same artefact, to read and not to run: no model is opened, and the teacher's alias may name another now."""
    return _load(project, None)


def _load(project: Project, identity: str | None) -> artefact.Artefact:
    path = project.compiled_path()
    try:
        return artefact.load(project.recipe, path, teacher=project.config.teacher, identity=identity)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no compiled program for {project.recipe.name} with {project.config.teacher}.",
            hint="Make one with seedbed compile, or do without it with --uncompiled.",
        ) from error
    except (artefact.Mismatch, ValueError) as error:
        raise UserError(
            f"{error}.", hint="Make a new one with seedbed compile, or do without it with --uncompiled."
        ) from error
