"""How useful a model is: how well a judge tells good rows from bad, and how much it adds to the evidence.

A judge costs seconds or money for every row, so it is used only if it adds to the evidence.
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

ROUGH = 400  # resamples where only the usefulness of a judge matters
FAULTY = 3  # verdicts to name where a judge says the opposite of them

Sources = Mapping[str, Collection[str]]
"""What a model is asked for: its name -> the parts it gives."""


def model_sources(rows: Columns, judges: Collection[str]) -> Sources:
    """The judges that were asked about at least one row, and the likelihood if any row has one."""
    names = {name for parts in rows.parts for name in parts}
    likelihood = {LIKELIHOOD: LIKELIHOODS} if names & set(LIKELIHOODS) else {}
    return likelihood | {name: (name,) for name in sorted(names & set(judges))}


def tried(observations: Sequence[Observation], judge: str) -> tuple[Judged, str]:
    """A judge's figures on a few verdicts of two kinds, too few to see what it adds; and how it contradicts them."""
    rows = Columns.of(observations)
    figures = _judged([judge], rows.reading(judge), rows, Interval(0.0, -1.0, 1.0), ROUGH)
    return figures, contradicts(judge, figures, rows)


class Beside:
    """Compares sources with the evidence alone, whose out-of-fold probabilities are computed once."""

    def __init__(self, rows: Columns, sources: Sources, resamples: int = RESAMPLES) -> None:
        self.rows, self.sources, self.resamples = rows, sources, resamples
        self.folds = deal(rows.good, rows.groups)
        self.bare = out_of_fold(without(rows.parts, sources), rows, self.folds)

    def each(self) -> dict[str, Judged]:
        """The figures of each source by itself."""
        return {name: self._judged([name]) for name in self.sources}

    def together(self) -> Judged | None:
        """All judges as one judge, by the mean of their readings; None without a judge."""
        judges = [name for name in self.sources if name != LIKELIHOOD]
        return self._judged(judges) if judges else None

    def _judged(self, names: Collection[str]) -> Judged:
        """These sources as one, by the mean of the first part of each."""
        headline = self.rows.where(self.rows.headline())
        readings = _mean(np.array([headline.reading(next(iter(self.sources[name]))) for name in names]))
        return _judged(names, readings, headline, self._adds(names), self.resamples)

    def _adds(self, names: Collection[str]) -> Interval:
        """How much their readings raise the AUROC out of fold, on the good rows and the rows with faults of theirs. The
        width is unknown without folds."""
        if not self.folds.any():
            return Interval(0.0, -1.0, 1.0)
        rest = {name: parts for name, parts in self.sources.items() if name not in names}
        more = out_of_fold(without(self.rows.parts, rest), self.rows, self.folds)
        own = concern(self.rows, names)
        rows, folds = self.rows.where(own), self.folds[own]
        with_them, bare = (auroc(scores[own], rows.good, folds) for scores in (more, self.bare))

        def difference(weights: Floats) -> Floats:
            return with_them(weights) - bare(weights)

        return bootstrap(difference, rows.groups, rows.good, resamples=self.resamples, span=(-1.0, 1.0))


def concern(rows: Columns, judges: Collection[str]) -> Flags:
    """The good rows, and the bad rows with a fault that one of these judges should see. All rows where no bad row is
    left, or where a judge should see every fault."""
    faults = [FAULTS.get(name) for name in judges]
    aspects = {aspect for names in faults if names for aspect in names}
    own = rows.good | np.isin(rows.aspects, list(aspects))
    return np.ones_like(own) if None in faults or rows.good[own].all() else own


def without(parts: Sequence[Parts], sources: Sources) -> list[Parts]:
    """The parts of each row, without those that these sources give."""
    names = {name for source_parts in sources.values() for name in source_parts}
    return [{name: value for name, value in row.items() if name not in names} for row in parts]


def out_of_fold(parts: Sequence[Parts], rows: Columns, folds: Folds) -> Floats:
    """Each row's probability by a fit of these parts to the other folds; 0.5 where there are no folds."""
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
    """Warnings about the sources: those of no use, those that say the opposite, those with gaps."""
    useless = [
        f"{source_name(name)} is of no use on these labels: AUROC {_span(judge)}, adds {_added(judge)} to the evidence"
        for name, judge in figures.items()
        if not judge.useful
    ]
    contrary = [note for name, judge in figures.items() if (note := contradicts(name, judge, rows))]
    gaps = [
        f"{source_name(name)} scored {judge.coverage:.0%} of the rows; the others count as average ones"
        for name, judge in figures.items()
        if judge.coverage < 1
    ]
    return [*useless, *contrary, *gaps]


def contradicts(name: str, judge: Judged, rows: Columns) -> str:
    """A message that a judge says the opposite of its labels, with the verdicts farthest from its readings; empty where
    it does not."""
    if judge.auroc_high >= 0.5 or name == LIKELIHOOD:
        return ""
    own = rows.where(concern(rows, [name]))
    errors = np.nan_to_num(np.abs(own.reading(name) - own.good), nan=0.0)
    farthest = [own.ids[i] or own.groups[i] for i in np.argsort(-errors, kind="stable")[:FAULTY]]
    return (
        f"{source_name(name)} says the opposite of these labels, as if its prompt or its model were at fault: look at "
        f"{', '.join(farthest)}"
    )


def source_name(name: str) -> str:
    """The name of a source in messages."""
    return "the answer's likelihood" if name == LIKELIHOOD else f"judge {name}"


def worth_of(name: str, judge: Judged) -> str:
    """A source's figures in one line: how good it is alone, and how much it adds."""
    return f"{source_name(name)}: AUROC {_span(judge)} alone, adds {_added(judge)} to the evidence"


def _judged(names: Collection[str], readings: Floats, rows: Columns, gain: Interval, resamples: int) -> Judged:
    """The figures of these sources as one, on the rows with faults of theirs. Where no rows, or rows of one class only,
    have readings, the AUROC is 0.5 and its width is unknown."""
    present = ~np.isnan(readings)
    coverage = float(present.mean())
    own = present & concern(rows, names)
    own = present if rows.good[own].all() else own
    scored = rows.where(own)
    area, trivial = Interval(0.5, 0.0, 1.0), 1.0
    if len(set(scored.good.tolist())) == 2:
        area = bootstrap(auroc(readings[own], scored.good), scored.groups, scored.good, resamples=resamples)
        trivial = max(_plain(auroc(scores, scored.good), scored) for scores in scored.rules.values())
    promises = set(names) == {LIKELIHOOD} or area.mean > max(0.5, trivial)
    return Judged(
        auroc=area.mean,
        auroc_low=area.low,
        auroc_high=area.high,
        adds=gain.mean,
        adds_low=gain.low,
        adds_high=gain.high,
        promises=promises,
        useful=promises and gain.low > 0,
        coverage=coverage,
    )


def _mean(table: Floats) -> Floats:
    """The mean of each column's readings, nan where a column has none."""
    present = ~np.isnan(table)
    counts = present.sum(axis=0)
    return np.where(counts > 0, np.where(present, table, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _plain(statistic: Statistic, rows: Columns) -> float:
    return plain(statistic, len(rows.groups))


def _span(judge: Judged) -> str:
    return f"{judge.auroc:.2f} [{judge.auroc_low:.2f}, {judge.auroc_high:.2f}]"


def _added(judge: Judged) -> str:
    return f"{judge.adds:+.2f} [{judge.adds_low:+.2f}, {judge.adds_high:+.2f}]"
