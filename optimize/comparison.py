"""Two programs on the same sources: means, a paired difference, and an honest word for it."""

import statistics as plain
from collections.abc import Sequence

from pydantic import BaseModel

from metrics.statistics import Interval, grouped_interval
from optimize.scoring import Scored


class Standing(BaseModel):
    """How one program did on held-out sources. Shares and scores are in [0, 1], intervals 95% by document."""

    name: str
    n: int
    documents: int
    metric: Interval
    acceptance: Interval
    unreadable: float
    tokens: int
    accepted: int

    @property
    def tokens_per_row(self) -> float | None:
        """Tokens, in and out, that one accepted row took; None where none was accepted."""
        return self.tokens / self.accepted if self.accepted else None


class Comparison(BaseModel):
    """What changed from `before` to `after`, paired by source."""

    before: Standing
    after: Standing
    difference: Interval

    @property
    def verdict(self) -> str:
        """In words; a difference whose interval holds 0 is none."""
        if self.before.documents < 2:
            return "too few documents to say"
        if self.difference.low > 0:
            return "better"
        return "worse" if self.difference.high < 0 else "no measurable difference"


def standing(name: str, rows: Sequence[Scored]) -> Standing:
    """Sum up one program's scored candidates (at least one)."""
    groups = [row.source.group for row in rows]
    spent = {id(row.spent): row.spent for row in rows if row.spent is not None}.values()
    unreadable = [bool(row.candidate.dropped and row.candidate.dropped.reason == "unreadable reply") for row in rows]
    return Standing(
        name=name,
        n=len(rows),
        documents=len(set(groups)),
        accepted=sum(row.accepted for row in rows),
        metric=grouped_interval([row.worth.score for row in rows], groups),
        acceptance=grouped_interval([float(row.accepted) for row in rows], groups),
        unreadable=plain.fmean(unreadable),
        tokens=sum(sum(one.tokens()) for one in spent),
    )


def compare(before: str, first: Sequence[Scored], after: str, second: Sequence[Scored]) -> Comparison:
    """Compare two programs that were run on the same sources, differences paired by source."""
    means = [_by_source(rows) for rows in (first, second)]
    groups = {row.source.id: row.source.group for row in first}
    ids = sorted(groups)
    return Comparison(
        before=standing(before, first),
        after=standing(after, second),
        difference=grouped_interval([means[1][id] - means[0][id] for id in ids], [groups[id] for id in ids]),
    )


def _by_source(rows: Sequence[Scored]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for row in rows:
        scores.setdefault(row.source.id, []).append(row.worth.score)
    return {id: plain.fmean(values) for id, values in scores.items()}
