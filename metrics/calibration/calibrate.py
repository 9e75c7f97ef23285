"""The metric checked against people: fitted to their verdicts, and measured on rows it was not fitted to."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from metrics.band import Alone, alone
from metrics.calibration import usefulness
from metrics.calibration.agreement import accuracy, auroc, calibration_error, kappa, spearman
from metrics.calibration.fit import Fitted, aim, fit
from metrics.calibration.folds import Folds, deal
from metrics.calibration.intervals import Flags, Floats, Interval, Statistic, bootstrap, plain, share_interval
from metrics.calibration.observations import Columns, Observation
from metrics.calibration.report import Calibration, Judged, Kind, Part, Rule
from metrics.calibration.usefulness import ROUGH, Beside, Sources, sources, without

__all__ = ["Calibration", "Judged", "Observation", "calibrate", "check"]

SIGNED = (-1.0, 1.0)
UNHELD = (
    "one of the two verdicts comes from a single group (document): nothing could be held out, so these figures are of "
    "the rows fitted to, and say nothing about others"
)


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
    rows; all rows) is left out of that fit. Raises Alike where all verdicts are of one kind.
    """
    rows = Columns.of(observations)
    folds, asked = deal(rows.good, rows.groups), sources(rows, judges)
    beside = Beside(rows, asked)
    judged = beside.each()
    fitted = _fit(rows, asked, judged)
    said = _say(fitted, rows, folds)
    if not folds.any():
        return fitted, _measure(fitted, said, beside, judged, [UNHELD])
    for fold in range(folds.max() + 1):
        out = folds == fold
        kept = rows.where(~out)
        held = _say(_fit(kept, asked, Beside(kept, asked, ROUGH).each()), rows.where(out), folds[out])
        said.probability[out], said.accepted[out] = held.probability, held.accepted
    return fitted, _measure(fitted, said, beside, judged, [])


def evidence_alone(fitted: Fitted, observations: Sequence[Observation], judges: Collection[str]) -> Alone:
    """The fit of the evidence without what a model was asked for, beside the one with it."""
    rows = Columns.of(observations)
    asked = {name for parts in sources(rows, judges).values() for name in parts}
    return alone(fitted, rows.parts, asked, rows.good, rows.groups, towards=aim(rows.embedder))


def check(fitted: Fitted, observations: Sequence[Observation], judges: Collection[str]) -> Calibration:
    """Measure a frozen metric on new verdicts, fitting nothing; raises Alike as well."""
    rows = Columns.of(observations)
    said = _say(fitted, rows, np.zeros(len(observations), dtype=np.intp))
    beside = Beside(rows, sources(rows, judges))
    return _measure(fitted, said, beside, beside.each(), [])


def _fit(rows: Columns, asked: Sources, judged: Mapping[str, Judged]) -> Fitted:
    useless = {name: asked[name] for name, judge in judged.items() if not judge.useful}
    return fit(without(rows.parts, useless), rows.good, rows.groups, towards=aim(rows.embedder))


def _say(fitted: Fitted, rows: Columns, folds: Folds) -> _Predicted:
    probability = np.array([fitted.probability(parts) for parts in rows.parts])
    return _Predicted(rows, probability, probability >= fitted.threshold, folds)


def _measure(
    fitted: Fitted, said: _Predicted, beside: Beside, judged: dict[str, Judged], notes: list[str]
) -> Calibration:
    head = said.where(said.rows.headline(said.folds))
    rows = head.rows
    asked = beside.asked
    scored = [~np.isnan(rows.reading(next(iter(parts)))) for parts in asked.values()]
    figures = Calibration(
        n=len(rows.groups),
        groups=len(set(rows.groups)),
        coverage=float(np.all(scored, axis=0).mean()) if scored else 1.0,
        **_agreement(head),
        **_beside_rules(head),
        judge=beside.together(),
        judges=judged,
        by_rule=_part(said, ~said.rows.person, said.rows.person & said.rows.good),
        kinds=_kinds(said),
        own_rows=_part(head, rows.own),
        weights={name: 0.0 for parts in asked.values() for name in parts} | fitted.weights,
        ridge=fitted.ridge,
        threshold=fitted.threshold,
        notes=[],
    )
    return figures.model_copy(update={"notes": [*notes, *_notes(figures, rows)]})


def _agreement(head: _Predicted) -> dict[str, Any]:
    rows = head.rows
    return (
        _named("accuracy", head.interval(accuracy(head.accepted, rows.good)))
        | _named("kappa", head.interval(kappa(head.accepted, rows.good), SIGNED))
        | _named("auroc", head.interval(head.ranking(head.probability)))
        | _named("spearman", head.interval(spearman(head.probability, rows.labels), SIGNED))
        | _named("ece", calibration_error(head.probability, rows.good, rows.groups))
    )


def _beside_rules(head: _Predicted) -> dict[str, Any]:
    """What the trivial rules reach, and the metric less the better one; which that is stays fixed in resamples."""
    metric = head.ranking(head.probability)
    rules = {name: head.ranking(scores) for name, scores in head.rows.rules.items()}
    areas = {name: plain(rule, len(head.folds)) for name, rule in rules.items()}
    better = rules[max(areas, key=areas.__getitem__)]
    difference = head.interval(lambda weights: metric(weights) - better(weights), SIGNED)
    return {"baselines": {name: Rule(auroc=area) for name, area in areas.items()}} | _named("difference", difference)


def _named(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _part(said: _Predicted, rows: Flags, beside: Flags | None = None) -> Part | None:
    """The metric on `rows`, together with those to compare them with; None where there are no `rows`."""
    if not rows.any():
        return None
    some = said.where(rows if beside is None else rows | beside)
    area = some.interval(some.ranking(some.probability))
    figures = [None] * 3 if np.isnan(area.mean) else [area.mean, area.low, area.high]
    return Part(n=len(some.rows.groups), **dict(zip(("auroc", "auroc_low", "auroc_high"), figures, strict=True)))


def _kinds(said: _Predicted) -> dict[str, Kind]:
    """What is accepted of the rows that people called good and bad, and of those made bad by each rule."""
    rows, kinds = said.rows, np.array(said.rows.kinds)
    flags = {"good": rows.person & rows.good, "bad": rows.person & ~rows.good}
    flags |= {name: kinds == name for name in sorted(set(rows.kinds) - {""})}
    return {name: _accepted(said.where(those)) for name, those in flags.items() if those.any()}


def _accepted(said: _Predicted) -> Kind:
    share = share_interval(said.accepted.astype(float).tolist(), said.rows.groups)
    return Kind(n=len(said.accepted), accepted=share.mean, accepted_low=share.low, accepted_high=share.high)


def _notes(figures: Calibration, rows: Columns) -> list[str]:
    """What a person should know before trusting the figures."""
    trivial, best = max((rule.auroc, name) for name, rule in figures.baselines.items())
    notes = usefulness.notes(figures.judges, rows)
    if figures.difference_high < 0:
        notes.append(f"the metric is worse than the trivial rule {best} ({trivial:.2f})")
    elif figures.difference_low <= 0:
        notes.append(f"no measurable difference between the metric and the trivial rule {best} ({trivial:.2f})")
    if not rows.person.all():
        notes.append("hand-written verdicts alone do not tell good from bad: rows made bad by rule are counted")
    if figures.own_rows and figures.judges:
        notes.append(f"{figures.own_rows.n} of the rows were written by the very model that judges them")
    return notes
