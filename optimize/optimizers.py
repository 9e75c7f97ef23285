"""DSPy's optimizers by name, each applied to one step: they choose its demos."""

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import dspy

from metrics.metric import Metric
from optimize.scoring import worth_of_reply
from programs.program import Program, run_sync
from programs.step import Step

THRESHOLD = 0.6
"""The least worth of a bootstrapped demo. Always given: without one DSPy keeps demos of score 0."""


UNLIMITED = 10**9  # unreadable replies are no reason to stop; a dead model stops everything by itself


class _Single(dspy.Module):
    """One step as a program of its own, so that DSPy's optimizers touch nothing else."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.only = step

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return run_sync(self.only.acall(**inputs))


def _labeled(metric: Any, demos: int, sets: int) -> Callable[..., Any]:
    return dspy.LabeledFewShot(k=demos).compile


def _bootstrap(metric: Any, demos: int, sets: int) -> Callable[..., Any]:
    return dspy.BootstrapFewShot(
        metric=metric,
        metric_threshold=THRESHOLD,
        max_errors=UNLIMITED,
        max_bootstrapped_demos=(demos + 1) // 2,
        max_labeled_demos=demos,
    ).compile


def _random_search(metric: Any, demos: int, sets: int) -> Callable[..., Any]:
    return dspy.BootstrapFewShotWithRandomSearch(
        metric=metric,
        metric_threshold=THRESHOLD,
        max_errors=UNLIMITED,
        max_bootstrapped_demos=(demos + 1) // 2,
        max_labeled_demos=demos,
        num_candidate_programs=sets,
        num_threads=4,
    ).compile


def _by(factory: Callable[..., Callable[..., Any]]) -> Callable[..., Step]:
    def optimize(
        program: Program, name: str, examples: Sequence[dspy.Example], metric: Metric, demos: int, sets: int
    ) -> Step:
        """The step with the demos DSPy chose from the examples."""

        def worth(example: dspy.Example, prediction: Any, trace: Any = None) -> float:
            outputs = {field: prediction[field] for field in program.step(name).signature.output_fields}
            return run_sync(worth_of_reply(program, name, example, outputs, metric))

        student = _Single(program.step(name).deepcopy())
        student.only.demos, student.only.nearest = [], 0
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            chosen: Step = factory(worth, demos, sets)(student, trainset=list(examples)).only
        fields = [*chosen.signature.fields]
        chosen.demos = [dspy.Example(**{f: demo[f] for f in fields if f in demo}) for demo in chosen.demos]
        return chosen

    return optimize


OPTIMIZERS: dict[str, Callable[..., Step]] = {
    "labeled": _by(_labeled),
    "bootstrap": _by(_bootstrap),
    "random-search": _by(_random_search),
}
