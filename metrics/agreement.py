"""A judge checked against people: how well its verdicts tell the rows they accepted from those they did not."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from metrics.measures import auroc
from metrics.statistics import bootstrap
from programs.judging import Judge

OVERALL = "overall"


class LabelledCase(BaseModel):
    """A row with a person's verdict: one line of a verdicts file.

    `aspect` is the one the label speaks of; an `overall` label speaks of every one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = ""
    document: str
    question: str | None = None
    answer: str
    label: float = Field(ge=0)
    group: str = ""
    aspect: str = OVERALL
    reason: str = ""


class Check(BaseModel):
    """How a scorer did on labelled cases. `useful`: the interval of its AUROC lies above 0.5. `state`: its hash."""

    aspect: str
    n: int
    unscored: int
    auroc: float
    low: float
    high: float
    state: str = ""

    @property
    def useful(self) -> bool:
        return self.low > 0.5

    def __str__(self) -> str:
        said = "is used" if self.useful else "is of no use on these labels, and is not called"
        return (
            f"{self.aspect}: AUROC {self.auroc:.2f} [{self.low:.2f}, {self.high:.2f}] on {self.n} verdicts"
            f"{f', {self.unscored} unreadable' if self.unscored else ''}: {said}"
        )


def cases_for(aspect: str, cases: Sequence[LabelledCase], n: int) -> list[LabelledCase]:
    """At most n cases that speak of an aspect or of all, good and bad in turn and as even as there are, by a fixed
    shuffle; none where all are good or all are bad, which tells nothing."""
    fitting = [case for case in cases if case.aspect in (aspect, OVERALL)]
    if len({case.label > 0 for case in fitting}) < 2:
        return []
    random.Random(aspect).shuffle(fitting)
    good, bad = ([case for case in fitting if bool(case.label) is kind] for kind in (True, False))
    half = n // 2
    good, bad = good[: max(half, n - len(bad))], bad[: max(half, n - len(good))]
    return [case for pair in itertools.zip_longest(good, bad) for case in pair if case][:n]


def check(aspect: str, scores: Sequence[float | None], cases: Sequence[LabelledCase], state: str = "") -> Check:
    """AUROC with a 95% interval by group. An unscored case counts as one half: it tells nothing."""
    values = np.array([0.5 if score is None else score for score in scores])
    labels = np.array([case.label > 0 for case in cases], dtype=bool)
    interval = bootstrap(auroc(values, labels), [case.group for case in cases], labels)
    return Check(
        aspect=aspect,
        n=len(cases),
        unscored=sum(score is None for score in scores),
        state=state,
        auroc=interval.mean,
        low=interval.low,
        high=interval.high,
    )


async def check_judge(
    judge: Judge,
    cases: Sequence[LabelledCase],
    candidate: Callable[[LabelledCase], Any],
    heard: Callable[[], None] = lambda: None,
) -> Check:
    """Ask the judge about every case and compare. `heard` is called once a verdict (a progress bar)."""

    async def score(case: LabelledCase) -> float | None:
        verdict = await judge.acall(candidate(case))
        heard()
        return verdict.score

    waiting: list[Awaitable[float | None]] = [score(case) for case in cases]
    return check(judge.aspect, await asyncio.gather(*waiting), cases, judge.hash)
