"""What asking a model brings: how well a judge tells good rows from bad, and what it adds to the evidence.

A judge costs seconds or money for every row, so it is kept for what it adds, not for what it knows.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import compress

import numpy as np

from metrics.calibration.agreement import auroc
from metrics.calibration.fit import RIDGE, Parts, aim, fit
from metrics.calibration.folds import Folds, deal
from metrics.calibration.intervals import RESAMPLES, Flags, Floats, Interval, Statistic, bootstrap, plain
from metrics.calibration.observations import Columns, Observation
from metrics.calibration.report import Judged
from metrics.likelihood import LIKELIHOOD, LIKELIHOODS
from programs.judges.judge import FAULTS

ROUGH = 400  # resamples where only a judge's usefulness is asked
FAULTY = 3  # verdicts that are named where a judge says the opposite of them

Sources = Mapping[str, Collection[str]]
"""What a model is asked for, by name -> the parts it gives."""


def sources(rows: Columns, judges: Collection[str]) -> Sources:
    """The judges that were asked about some row, and the likelihood where it was read."""
    there = {name for parts in rows.parts for name in parts}
    read = {LIKELIHOOD: LIKELIHOODS} if there & set(LIKELIHOODS) else {}
    return read | {name: (name,) for name in sorted(there & set(judges))}


def tried(observations: Sequence[Observation], judge: str) -> tuple[Judged, str]:
    """A judge on a few verdicts of two kinds, too few to see what it adds; and in words if it contradicts them."""
    rows = Columns.of(observations)
    figures = _judged([judge], rows.reading(judge), rows, Interval(0.0, -1.0, 1.0), ROUGH)
    return figures, contradicts(judge, figures, rows)


class Beside:
    """Sources beside the evidence that is there without any: how good that is, is found out once."""

    def __init__(self, rows: Columns, asked: Sources, resamples: int = RESAMPLES) -> None:
        self.rows, self.asked, self.resamples = rows, asked, resamples
        self.folds = deal(rows.good, rows.groups)
        self.bare = out_of_fold(without(rows.parts, asked), rows, self.folds)

    def each(self) -> dict[str, Judged]:
        """Each source by itself."""
        return {name: self._judged([name]) for name in self.asked}

    def together(self) -> Judged | None:
        """All judges as one, by the mean of their readings; None without a judge."""
        judges = [name for name in self.asked if name != LIKELIHOOD]
        return self._judged(judges) if judges else None

    def _judged(self, those: Collection[str]) -> Judged:
        """These sources as one, by the mean of each one's first part."""
        head = self.rows.where(self.rows.headline())
        readings = _mean(np.array([head.reading(next(iter(self.asked[one]))) for one in those]))
        return _judged(those, readings, head, self._adds(those), self.resamples)

    def _adds(self, those: Collection[str]) -> Interval:
        """By how much their readings raise the AUROC out of fold, of the good rows and those with a fault of theirs; no
        width is known where no fold is."""
        if not self.folds.any():
            return Interval(0.0, -1.0, 1.0)
        others = {name: parts for name, parts in self.asked.items() if name not in those}
        more = out_of_fold(without(self.rows.parts, others), self.rows, self.folds)
        own = concern(self.rows, those)
        rows, folds = self.rows.where(own), self.folds[own]
        with_them, bare = (auroc(scores[own], rows.good, folds) for scores in (more, self.bare))

        def difference(weights: Floats) -> Floats:
            return with_them(weights) - bare(weights)

        return bootstrap(difference, rows.groups, rows.good, resamples=self.resamples, span=(-1.0, 1.0))


def concern(rows: Columns, judges: Collection[str]) -> Flags:
    """The good rows, and the bad ones with a fault that one of these judges should see; all rows where that leaves no
    bad one, or where a judge answers for every fault."""
    faults = [FAULTS.get(name) for name in judges]
    aspects = {aspect for owned in faults if owned for aspect in owned}
    own = rows.good | np.isin(rows.aspects, list(aspects))
    return np.ones_like(own) if None in faults or rows.good[own].all() else own


def without(parts: Sequence[Parts], left: Sources) -> list[Parts]:
    """Rows' parts but those that these sources give."""
    names = {name for given in left.values() for name in given}
    return [{name: value for name, value in row.items() if name not in names} for row in parts]


def out_of_fold(parts: Sequence[Parts], rows: Columns, folds: Folds) -> Floats:
    """Each row's probability by a fit of these parts that left its fold out; 0.5 where nothing can be left out."""
    probability = np.full(len(parts), 0.5)
    for fold in range(folds.max() + 1) if folds.any() else ():
        out = folds == fold
        fitted = fit(
            [*compress(parts, ~out)],
            rows.good[~out],
            [*compress(rows.groups, ~out)],
            ridge=RIDGE,
            towards=aim(rows.embedder),
        )
        probability[out] = [fitted.probability(row) for row in compress(parts, out)]
    return probability


def notes(figures: Mapping[str, Judged], rows: Columns) -> list[str]:
    """What a person should know of the sources: those of no use, those that say the opposite, those with gaps."""
    useless = [
        f"{told(name)} is of no use on these labels: AUROC {_span(judge)}, adds {_added(judge)} to the evidence"
        for name, judge in figures.items()
        if not judge.useful
    ]
    contrary = [said for name, judge in figures.items() if (said := contradicts(name, judge, rows))]
    gaps = [
        f"{told(name)} scored {judge.coverage:.0%} of the rows; the others count as average ones"
        for name, judge in figures.items()
        if judge.coverage < 1
    ]
    return [*useless, *contrary, *gaps]


def contradicts(name: str, judge: Judged, rows: Columns) -> str:
    """That a judge says the opposite of its labels, with the verdicts that it is farthest from; empty where it does
    not."""
    if judge.auroc_high >= 0.5 or name == LIKELIHOOD:
        return ""
    own = rows.where(concern(rows, [name]))
    off = np.nan_to_num(np.abs(own.reading(name) - own.good), nan=0.0)
    looked = [own.ids[i] or own.groups[i] for i in np.argsort(-off, kind="stable")[:FAULTY]]
    return (
        f"{told(name)} says the opposite of these labels, as if its prompt or its model were at fault: look at "
        f"{', '.join(looked)}"
    )


def told(name: str) -> str:
    """A source as a person reads it."""
    return "the answer's likelihood" if name == LIKELIHOOD else f"judge {name}"


def worth_of(name: str, judge: Judged) -> str:
    """A source's figures in a line: how well it does alone, and what it adds."""
    return f"{told(name)}: AUROC {_span(judge)} alone, adds {_added(judge)} to the evidence"


def _judged(those: Collection[str], readings: Floats, rows: Columns, added: Interval, resamples: int) -> Judged:
    """How these sources do as one, on the rows with faults of theirs. Readings of rows of one class, or none, are taken
    to rank nothing: 0.5, and no width known."""
    there = ~np.isnan(readings)
    coverage = float(there.mean())
    own = there & concern(rows, those)
    own = there if rows.good[own].all() else own
    scored = rows.where(own)
    area, trivial = Interval(0.5, 0.0, 1.0), 1.0
    if len(set(scored.good.tolist())) == 2:
        area = bootstrap(auroc(readings[own], scored.good), scored.groups, scored.good, resamples=resamples)
        trivial = max(_plain(auroc(scores, scored.good), scored) for scores in scored.rules.values())
    promises = set(those) == {LIKELIHOOD} or area.mean > max(0.5, trivial)
    return Judged(
        auroc=area.mean,
        auroc_low=area.low,
        auroc_high=area.high,
        adds=added.mean,
        adds_low=added.low,
        adds_high=added.high,
        promises=promises,
        useful=promises and added.low > 0,
        coverage=coverage,
    )


def _mean(table: Floats) -> Floats:
    """Mean of each column's readings that are there, nan where none is."""
    there = ~np.isnan(table)
    counts = there.sum(axis=0)
    return np.where(counts > 0, np.where(there, table, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _plain(statistic: Statistic, rows: Columns) -> float:
    return plain(statistic, len(rows.groups))


def _span(judge: Judged) -> str:
    return f"{judge.auroc:.2f} [{judge.auroc_low:.2f}, {judge.auroc_high:.2f}]"


def _added(judge: Judged) -> str:
    return f"{judge.adds:+.2f} [{judge.adds_low:+.2f}, {judge.adds_high:+.2f}]"
