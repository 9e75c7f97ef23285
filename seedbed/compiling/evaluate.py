"""Compares programs, teacher by teacher, on sources that no prompt has seen, by one frozen metric."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from metrics.diversity import Variety, variety
from metrics.metric import Metric
from optimize.artefact import Artefact
from optimize.comparison import Gain, Standing, paired, standing
from optimize.label_agreement import Agreement, agreement_by_step
from optimize.scoring import Scored, score_program
from programs.core.background import run_sync
from programs.core.program import Program
from seedbed.compiling.compile import Compilation
from seedbed.compiling.metric import project_metric
from seedbed.compiling.programs import load_artefact
from seedbed.errors import UserError
from seedbed.models.embedder import Embedder
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session


class Evaluation(BaseModel):
    """One teacher's programs on held-out sources, and its labelled steps on held-out seeds.

    Attributes:
        metric: the hash of the frozen metric that scored them. standings: of the uncompiled program, then of the
        program compiled for another teacher if several are compared, then of its own. gains: paired differences to
        the first. variety: the diversity of each program's accepted rows; None if there are none.
        agreement: of labelled steps, by program. procedure, folds: the k-fold result of its own compile.
        ships, why: which of its own two programs a run uses.
    """

    teacher: str
    metric: str
    standings: list[Standing]
    gains: dict[str, Gain]
    variety: dict[str, Variety | None]
    agreement: list[Agreement]
    folds: int
    procedure: list[Agreement]
    ships: str
    why: str


class Exam:
    """The test for all programs: one frozen metric, and the sources and seeds that none of their prompts has seen,
    whatever settings each was compiled with.

    The metric is the first artefact's. Raises UserError if no source is left.
    """

    def __init__(self, project: Project, artefacts: Sequence[Artefact]) -> None:
        open_groups = {group for artefact in artefacts for group in artefact.manifest.open_groups}
        self.artefacts, self.frozen = artefacts, artefacts[0].frozen
        self.sources = project.test_sources(open_groups)
        self.seeds = [seed for seed in project.test_seeds if project.group(seed) not in open_groups]
        if not self.sources:
            raise UserError(
                "No source is left that none of the prompts has seen.",
                hint=f"Add {project.inputs.kind.more}, or compile again if the split has changed since.",
            )

    def metric(self, session: Session) -> Metric:
        """The metric on this session's embedder; no row may repeat a demo of any program."""
        metric = project_metric(session, self.frozen)
        for artefact in self.artefacts:
            metric = metric.showing(artefact.compiled)
        return metric


def evaluate_teachers(
    project: Project, aliases: Sequence[str], progress: Progress, *, compile_missing: bool = False
) -> list[Evaluation]:
    """Evaluate each teacher uncompiled, with another's compiled program and with its own, on the same sources.

    The first one's frozen metric scores all. Raises UserError if one has no compiled program, unless
    `compile_missing`.
    """
    projects = [project.swapped(alias) for alias in dict.fromkeys(aliases)]
    artefacts = [_artefact(project, progress, compile_missing) for project in projects]
    exam, results = Exam(projects[0], artefacts), []
    for number, (project, own) in enumerate(zip(projects, artefacts, strict=True)):
        programs = {"uncompiled": own.uncompiled}
        for rival in (artefacts[:number] or artefacts[1:])[:1]:
            programs[_named(rival, project)] = rival.compiled
        programs[_named(own, project)] = own.compiled
        results.append(_evaluate(project, own, programs, exam, progress))
    return results


def _named(artefact: Artefact, project: Project) -> str:
    made_for = artefact.manifest.teacher
    return "compiled" if made_for == project.config.teacher else f"compiled for {made_for}"


def _artefact(project: Project, progress: Progress, compile_missing: bool) -> Artefact:
    """The artefact that the project's teacher runs. If none fits, it is compiled now, or the error says how to."""
    try:
        return _opened(project)
    except UserError as error:
        compiling = project.compiling
        alias = compiling.config.teacher
        if not compile_missing:
            hint = f"seedbed evaluate --compile-missing compiles it now; so does seedbed compile --teacher {alias}."
            raise UserError(str(error), hint=hint) from error
        progress.say(f"compiling for {alias}: {error}")
        with _session(compiling) as session:
            run_sync(Compilation(session, progress).work())
        return _opened(project)


def _opened(project: Project) -> Artefact:
    with _session(project) as session:
        return load_artefact(session)


def _evaluate(
    project: Project, own: Artefact, programs: Mapping[str, Program], exam: Exam, progress: Progress
) -> Evaluation:
    with _session(project) as session:
        metric, teacher = exam.metric(session), project.config.teacher
        with progress.task(f"evaluate {teacher}", len(programs) * len(exam.sources)) as task:
            scored = {
                name: run_sync(score_program(program, exam.sources, metric, session.scope, task))
                for name, program in programs.items()
            }
        examples, labelled = project.examples(exam.seeds), project.recipe.labelled
        agreement = run_sync(agreement_by_step(programs, labelled, examples, session.embed))
    first = scored["uncompiled"]
    return Evaluation(
        teacher=teacher,
        metric=exam.frozen.hash,
        standings=[standing(name, rows, lambda spent: session.cost(spent.tallies)) for name, rows in scored.items()],
        gains={name: paired(first, rows) for name, rows in scored.items() if rows is not first},
        variety={name: _variety(rows, project, exam) for name, rows in scored.items()},
        agreement=agreement,
        folds=own.manifest.folds,
        procedure=own.manifest.procedure,
        ships=own.manifest.ships,
        why=own.manifest.why if own.manifest.teacher == teacher else f"with {own.manifest.teacher} {own.manifest.why}",
    )


def _variety(rows: Sequence[Scored], project: Project, exam: Exam) -> Variety | None:
    accepted = [(row.candidate, row.source) for row in rows if row.accepted]
    return variety(accepted, Embedder(project.config.embedder), exam.sources)


def _session(project: Project) -> Session:
    return Session(project, project.journal)
