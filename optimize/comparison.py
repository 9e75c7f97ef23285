"""Compares programs on the same sources: the figures of each, and paired differences with a verdict."""

import dataclasses
import statistics as plain
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from metrics.calibration.intervals import Interval, grouped_interval, share_interval, sign_flip
from optimize.scoring import Scored, commonest
from programs.formats.replies import UNREAD

TOO_FEW, ENOUGH = 6, 10
"""Documents. With fewer than TOO_FEW no two-sided exact test reaches 0.05; from ENOUGH on the bootstrap is trusted."""
ALPHA = 0.05
DOCUMENT, GROUP = "document", "group"  # what intervals are made by: sources without documents have other groups

Price = Callable[[Any], float | None]
"""The cost of one scope of calls in dollars; None where a price is unknown."""


@dataclasses.dataclass(frozen=True)
class Gain(Interval):
    """A paired difference with its 95% interval by document, and a verdict.

    Attributes:
        documents: the number of documents, or of what other groups there are (`unit`). p: of the exact sign-flip test
        of per-document means, which decides for 6 to 9 documents; None otherwise. verdict: better, worse, no measurable
        difference, too few documents to say.
    """

    documents: int
    p: float | None
    verdict: str
    unit: str = DOCUMENT

    def __str__(self) -> str:
        test = "" if self.p is None else f", exact sign-flip p {self.p:.3f}"
        over = f"{self.documents} {self.unit}{'s' * (self.documents != 1)}"
        return f"{super().__str__()} over {over}{test}: {self.verdict}"


class Standing(BaseModel):
    """The figures of one program on held-out sources.

    Shares and scores are in [0, 1]; intervals are 95% by document. Tokens, seconds (in which a model worked), calls
    and dollars are of all models, judges included, as if every call had been paid. `dollars` is None where a price
    is unknown; the figures per row are None where no row was accepted. `rejected` counts candidates by the reason
    for their rejection, the commonest first. `glimpse` is the text of the first candidate with the commonest
    reason. `unit` is what `documents` counts.
    """

    name: str
    n: int
    documents: int
    metric: Interval
    acceptance: Interval
    unreadable: float
    accepted: int
    calls: int
    tokens: int
    seconds: float
    dollars: float | None
    tokens_per_row: float | None
    seconds_per_row: float | None
    dollars_per_row: float | None
    unit: str = DOCUMENT
    rejected: dict[str, int] = {}
    glimpse: str = ""


class Pair(BaseModel):
    """Two programs on one held-out source: the mean score and the accepted share of the candidates of each, in
    [0, 1]."""

    source: str
    group: str
    metric_before: float
    metric_after: float
    accepted_before: float
    accepted_after: float


class Comparison(BaseModel):
    """The change from `before` to `after`, paired by source; `pairs` are the sources, by their ids."""

    before: Standing
    after: Standing
    difference: Gain
    pairs: list[Pair] = []

    @property
    def barren(self) -> bool:
        """Whether neither program made a row."""
        return not (self.before.accepted or self.after.accepted)


def standing(name: str, rows: Sequence[Scored], price: Price) -> Standing:
    """Sum up one program's scored candidates (at least one)."""
    groups = [row.source.group for row in rows]
    spent = list({id(row.spent): row.spent for row in rows}.values())
    unreadable = [bool(row.candidate.dropped and row.candidate.dropped.reason in UNREAD) for row in rows]
    accepted, tokens = sum(row.accepted for row in rows), sum(sum(usage.tokens()) for usage in spent)
    tallies = [tally for usage in spent for tally in usage.tallies.values()]
    seconds = sum(tally.seconds for tally in tallies)
    costs = [price(usage) for usage in spent]
    dollars = None if None in costs else sum(cost or 0.0 for cost in costs)
    rejected, glimpse = commonest(rows)
    return Standing(
        name=name,
        n=len(rows),
        documents=len(set(groups)),
        metric=share_interval([row.worth.score for row in rows], groups),
        acceptance=share_interval([float(row.accepted) for row in rows], groups),
        unreadable=plain.fmean(unreadable),
        accepted=accepted,
        calls=sum(tally.calls for tally in tallies),
        tokens=tokens,
        seconds=seconds,
        dollars=dollars,
        tokens_per_row=tokens / accepted if accepted else None,
        seconds_per_row=seconds / accepted if accepted else None,
        dollars_per_row=None if dollars is None or not accepted else dollars / accepted,
        unit=unit_of(rows),
        rejected=rejected,
        glimpse=glimpse,
    )


def compare(before: str, first: Sequence[Scored], after: str, second: Sequence[Scored], price: Price) -> Comparison:
    """Compare two programs that ran on the same sources."""
    return Comparison(
        before=standing(before, first, price),
        after=standing(after, second, price),
        difference=paired(first, second),
        pairs=pairs(first, second),
    )


def paired(first: Sequence[Scored], second: Sequence[Scored]) -> Gain:
    """How much better the second program is than the first; differences are paired by source."""
    both = pairs(first, second)
    differences = [pair.metric_after - pair.metric_before for pair in both]
    return gain(differences, [pair.group for pair in both], unit_of(first))


def unit_of(rows: Sequence[Scored]) -> str:
    """What the groups of the rows' sources are."""
    return DOCUMENT if all("document" in row.source.origin for row in rows) else GROUP


def pairs(first: Sequence[Scored], second: Sequence[Scored]) -> list[Pair]:
    """Two programs source by source, on the sources of the first."""
    score, accepted = (lambda row: row.worth.score), (lambda row: float(row.accepted))
    figures = [_by_source(rows, figure) for figure in (score, accepted) for rows in (first, second)]
    names = ("metric_before", "metric_after", "accepted_before", "accepted_after")
    groups = {row.source.id: row.source.group for row in first}
    return [
        Pair(source=id, group=groups[id], **{name: of[id] for name, of in zip(names, figures, strict=True)})
        for id in sorted(groups)
    ]


def gain(differences: Sequence[float], groups: Sequence[str], unit: str = GROUP) -> Gain:
    """The mean of paired differences (at least one), their interval by group, and the verdict.

    A bootstrap of few groups is too narrow. So with fewer than ten groups an exact test (Fisher 1935, The Design of
    Experiments, section 21) must agree; with fewer than six, too few for the test, there is no verdict.
    """
    interval = grouped_interval(differences, groups)
    means = _means(zip(groups, differences, strict=True))
    p = sign_flip(list(means.values())) if TOO_FEW <= len(means) < ENOUGH else None
    verdict = _verdict(interval, len(means), p)
    return Gain(interval.mean, interval.low, interval.high, documents=len(means), p=p, verdict=verdict, unit=unit)


def _verdict(interval: Interval, documents: int, p: float | None) -> str:
    if documents < TOO_FEW:
        return "too few documents to say"
    if interval.low <= 0 <= interval.high or (p is not None and p >= ALPHA):
        return "no measurable difference"
    return "better" if interval.low > 0 else "worse"


def _by_source(rows: Sequence[Scored], figure: Callable[[Scored], float]) -> dict[str, float]:
    return _means((row.source.id, figure(row)) for row in rows)


def _means(pairs: Any) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: plain.fmean(numbers) for name, numbers in values.items()}
