"""Programs compared on what no prompt has seen."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from metrics.statistics import Interval, grouped_interval
from optimize.comparison import Comparison, compare
from optimize.scoring import score_program
from programs.candidate import Candidate
from programs.program import Program, run_sync
from programs.text import f1
from seedbed.dataset import load_compiled
from seedbed.progress import Progress
from seedbed.project import Project
from seedbed.session import Session
from seedbed.summary import comparison_table, difference_line


class Agreement(BaseModel):
    """A step's outputs against people's on held-out seeds: word F1, [0, 1], by the two programs and paired."""

    step: str
    n: int
    before: Interval
    after: Interval
    difference: Interval


class Evaluation(BaseModel):
    """One teacher: both programs on held-out sources, and its labelled steps on held-out seeds."""

    teacher: str
    comparison: Comparison
    agreement: list[Agreement]


def evaluate_teachers(project: Project, aliases: Sequence[str], progress: Progress) -> list[Evaluation]:
    """Evaluate each teacher with its own compiled program; UserError where one has none."""
    return [_evaluate(Project(project.config.swap(alias), project.base), progress) for alias in aliases]


def evaluation_text(result: Evaluation) -> str:
    """One teacher's tables for the terminal."""
    lines = [
        f"teacher {result.teacher}",
        comparison_table([result.comparison.before, result.comparison.after]),
        difference_line(result.comparison),
    ]
    for one in result.agreement:
        lines.append(
            f"{one.step}, word F1 with people's on {one.n} held-out seeds: uncompiled {one.before}, "
            f"compiled {one.after}, difference {one.difference}"
        )
    return "\n".join(lines)


def _evaluate(project: Project, progress: Progress) -> Evaluation:
    with Session(project, project.base / ".seedbed" / "journal.sqlite") as session:
        before = project.recipe.program()
        after, judges, _ = load_compiled(session)
        metric = session.metric(judges)
        sources = project.test_sources()
        with progress.task(f"evaluate {project.config.roles.teacher}", 2 * len(sources)) as heard:
            first = run_sync(score_program(before, sources, metric, session.scope, heard))
            second = run_sync(score_program(after, sources, metric, session.scope, heard))
        examples = project.recipe.examples(project.test_seeds)
        agreement = [
            _agreement(name, examples[name], before, after)
            for name in sorted(project.recipe.labelled)
            if examples.get(name)
        ]
    return Evaluation(
        teacher=project.config.roles.teacher,
        agreement=agreement,
        comparison=compare("uncompiled", first, "compiled", second),
    )


def _agreement(name: str, examples: Sequence[Any], before: Program, after: Program) -> Agreement:
    first, second = (run_sync(_f1s(program, name, examples)) for program in (before, after))
    groups = [example.group for example in examples]
    return Agreement(
        step=name,
        n=len(examples),
        before=grouped_interval(first, groups),
        after=grouped_interval(second, groups),
        difference=grouped_interval([b - a for a, b in zip(first, second, strict=True)], groups),
    )


async def _f1s(program: Program, name: str, examples: Sequence[Any]) -> list[float]:
    decides = list(program.step(name).signature.output_fields)[-1]
    replies = [await program.ask(Candidate(), name, **example.inputs()) for example in examples]
    return [
        f1(str(reply[decides]), example[decides]) if reply else 0.0
        for reply, example in zip(replies, examples, strict=True)
    ]
