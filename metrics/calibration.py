"""The metric checked against people: fitted to their verdicts, and measured on rows it was not fitted to."""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from metrics.fitting import Fitted, fit
from metrics.folds import Folds, deal
from metrics.measures import accuracy, auroc, calibration_error, kappa, spearman
from metrics.observations import Columns, Observation
from metrics.statistics import RESAMPLES, Flags, Floats, Interval, Statistic, bootstrap, plain

__all__ = ["Calibration", "Judged", "Observation", "Part", "Rule", "calibrate", "check"]

SIGNED = (-1.0, 1.0)
ROUGH = 400  # resamples where only a judge's usefulness is asked
UNHELD = (
    "one of the two verdicts comes from a single group (document): nothing could be held out, so these figures are of "
    "the rows fitted to, and say nothing about others"
)


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judged(_Figures):
    """A judge by itself, on the rows it scored (their share is `coverage`), all pairs of them compared. `useful`: its
    interval lies above 0.5 and above what either trivial rule reaches on the same rows."""

    auroc: float
    auroc_low: float
    auroc_high: float
    useful: bool
    coverage: float


class Part(_Figures):
    """The fitted metric on some of the rows only; no AUROC where these hold one class."""

    n: int
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None


class Rule(_Figures):
    """A trivial rule, compared within the same folds as the metric."""

    auroc: float


class Calibration(_Figures):
    """What the fitted metric is worth on rows it was not fitted to, with 95% intervals by group.

    Of people's verdicts where these tell good from bad, else of all. `coverage`: the share of rows that every judge
    scored. `judge`: the judges' mean, None without a reading. `difference`: the metric's AUROC less the better trivial
    rule's, paired. `by_rule`: rows that people accepted against rows made bad by rule. `own_rows`: rows that the very
    model that judges wrote. `notes`: what a person should know of these figures.
    """

    n: int
    groups: int
    coverage: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    kappa: float
    kappa_low: float
    kappa_high: float
    auroc: float
    auroc_low: float
    auroc_high: float
    spearman: float
    spearman_low: float
    spearman_high: float
    ece: float
    ece_low: float
    ece_high: float
    judge: Judged | None
    judges: dict[str, Judged]
    difference: float
    difference_low: float
    difference_high: float
    baselines: dict[str, Rule]
    by_rule: Part | None
    own_rows: Part | None
    weights: dict[str, float]
    ridge: float
    threshold: float
    notes: list[str]


@dataclasses.dataclass(frozen=True)
class _Predicted:
    """Rows with the metric's word on each: probability, accepted or not, and which fit said so."""

    rows: Columns
    probability: Floats
    accepted: Flags
    folds: Folds

    def where(self, rows: Flags) -> "_Predicted":
        return _Predicted(self.rows.where(rows), self.probability[rows], self.accepted[rows], self.folds[rows])

    def interval(self, statistic: Statistic, span: tuple[float, float] = (0.0, 1.0)) -> Interval:
        return bootstrap(statistic, self.rows.groups, self.rows.good, span=span)

    def ranking(self, scores: Floats) -> Statistic:
        return auroc(scores, self.rows.good, self.folds)


def calibrate(observations: Sequence[Observation], judges: Collection[str]) -> tuple[Fitted, Calibration]:
    """Fit the metric on all rows, and measure it out of fold: by up to 5 folds of whole groups.

    `judges` names the parts that are judges' readings. One that is of no use on the rows fitted to (a fold's training
    rows; all rows) is left out of that fit. ValueError, in words for a person, where all verdicts are alike.
    """
    rows = Columns.of(observations)
    folds = deal(rows.good, rows.groups)
    fitted = _fit(rows, judges)
    said = _say(fitted, rows, folds)
    if not folds.any():
        return fitted, _measure(fitted, said, judges, [UNHELD])
    for fold in range(folds.max() + 1):
        out = folds == fold
        held = _say(_fit(rows.where(~out), judges), rows.where(out), folds[out])
        said.probability[out], said.accepted[out] = held.probability, held.accepted
    return fitted, _measure(fitted, said, judges, [])


def check(fitted: Fitted, observations: Sequence[Observation], judges: Collection[str]) -> Calibration:
    """Measure a frozen metric on new verdicts, fitting nothing; ValueError where all verdicts are alike."""
    rows = Columns.of(observations)
    return _measure(fitted, _say(fitted, rows, np.zeros(len(observations), dtype=np.intp)), judges, [])


def _fit(rows: Columns, judges: Collection[str]) -> Fitted:
    asked = rows.where(rows.headline(np.zeros(len(rows.groups), dtype=np.intp)))
    useless = {name for name in judges if not _judged(asked.reading(name), asked, ROUGH).useful}
    parts = [{name: value for name, value in row.items() if name not in useless} for row in rows.parts]
    return fit(parts, rows.good, rows.groups)


def _say(fitted: Fitted, rows: Columns, folds: Folds) -> _Predicted:
    probability = np.array([fitted.probability(parts) for parts in rows.parts])
    return _Predicted(rows, probability, probability >= fitted.threshold, folds)


def _judged(readings: Floats, rows: Columns, resamples: int = RESAMPLES) -> Judged:
    """A judge that scored rows of one class, or none, is taken to rank nothing: 0.5, and no width known."""
    there = ~np.isnan(readings)
    scored, coverage = rows.where(there), float(there.mean())
    if len(set(scored.good.tolist())) < 2:
        return Judged(auroc=0.5, auroc_low=0.0, auroc_high=1.0, useful=False, coverage=coverage)
    area = bootstrap(auroc(readings[there], scored.good), scored.groups, scored.good, resamples=resamples)
    trivial = [plain(auroc(scores, scored.good), len(scored.groups)) for scores in scored.rules.values()]
    useful = area.low > max(0.5, *trivial)
    return Judged(auroc=area.mean, auroc_low=area.low, auroc_high=area.high, useful=useful, coverage=coverage)


def _measure(fitted: Fitted, said: _Predicted, judges: Collection[str], notes: list[str]) -> Calibration:
    head = said.where(said.rows.headline(said.folds))
    rows, n = head.rows, len(head.rows.groups)
    named = sorted(name for name in judges if any(name in parts for parts in said.rows.parts))
    readings = {name: rows.reading(name) for name in named}
    each = {name: _judged(scores, rows) for name, scores in readings.items()}
    table = np.array([readings[name] for name in named]).reshape(len(named), n)
    together = _mean(table)
    metric = head.ranking(head.probability)
    rivals = {name: head.ranking(scores) for name, scores in rows.rules.items()}
    baselines = {name: Rule(auroc=plain(rival, n)) for name, rival in rivals.items()}
    rival = rivals[max(baselines, key=lambda name: baselines[name].auroc)]
    figures = Calibration(
        n=n,
        groups=len(set(rows.groups)),
        coverage=float((~np.isnan(table)).all(axis=0).mean()),
        **_named("accuracy", head.interval(accuracy(head.accepted, rows.good))),
        **_named("kappa", head.interval(kappa(head.accepted, rows.good), SIGNED)),
        **_named("auroc", head.interval(metric)),
        **_named("spearman", head.interval(spearman(head.probability, rows.labels), SIGNED)),
        **_named("ece", calibration_error(head.probability, rows.good, rows.groups)),
        judge=None if np.isnan(together).all() else _judged(together, rows),
        judges=each,
        **_named("difference", head.interval(lambda weights: metric(weights) - rival(weights), SIGNED)),
        baselines=baselines,
        by_rule=_part(said, ~said.rows.person, said.rows.person & said.rows.good),
        own_rows=_part(head, rows.own),
        weights=dict.fromkeys(named, 0.0) | fitted.weights,
        ridge=fitted.ridge,
        threshold=fitted.threshold,
        notes=[],
    )
    return figures.model_copy(update={"notes": [*notes, *_notes(figures, rows)]})


def _mean(table: Floats) -> Floats:
    """Mean of each column's readings that are there, nan where none is."""
    there = ~np.isnan(table)
    counts = there.sum(axis=0)
    return np.where(counts > 0, np.where(there, table, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _part(said: _Predicted, rows: Flags, beside: Flags | None = None) -> Part | None:
    """The metric on `rows`, together with those to compare them with; None where there are no `rows`."""
    if not rows.any():
        return None
    some = said.where(rows if beside is None else rows | beside)
    area = some.interval(some.ranking(some.probability))
    figures = [None] * 3 if np.isnan(area.mean) else [area.mean, area.low, area.high]
    return Part(n=len(some.rows.groups), **dict(zip(("auroc", "auroc_low", "auroc_high"), figures, strict=True)))


def _notes(figures: Calibration, rows: Columns) -> list[str]:
    """What a person should know before trusting the figures."""
    trivial, best = max((rule.auroc, name) for name, rule in figures.baselines.items())
    notes = [
        f"judge {name} is of no use on these labels: AUROC {judge.auroc:.2f} [{judge.auroc_low:.2f}, "
        f"{judge.auroc_high:.2f}] does not clear 0.5 and the trivial rules"
        for name, judge in figures.judges.items()
        if not judge.useful
    ]
    notes += [
        f"judge {name} scored {judge.coverage:.0%} of the rows; the others count as average ones"
        for name, judge in figures.judges.items()
        if judge.coverage < 1
    ]
    if figures.difference_low <= 0:
        notes.append(f"no measurable difference between the metric and the trivial rule {best} ({trivial:.2f})")
    if not rows.person.all():
        notes.append("people's verdicts alone do not tell good rows from bad ones: rows made bad by rule are counted")
    if figures.own_rows and figures.judges:
        notes.append(f"{figures.own_rows.n} of the rows were written by the very model that judges them")
    return notes
