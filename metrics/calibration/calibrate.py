"""Fits the metric to people's verdicts, and measures it on rows it was not fitted to."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from metrics.band import Alone, alone
from metrics.calibration import usefulness
from metrics.calibration.agreement import accuracy, auroc, calibration_error, kappa, spearman
from metrics.calibration.fit import Fitted, aim, fit
from metrics.calibration.folds import Folds, deal
from metrics.calibration.intervals import Flags, Floats, Interval, Statistic, bootstrap, plain, share_interval
from metrics.calibration.observations import Columns, Observation
from metrics.calibration.predictions import IN_SAMPLE, Prediction
from metrics.calibration.report import Calibration, Judged, Kind, Part, Rule
from metrics.calibration.usefulness import ROUGH, Beside, Sources, model_sources, without

__all__ = ["Calibrated", "Calibration", "Judged", "Observation", "calibrate", "check"]

SIGNED = (-1.0, 1.0)
UNHELD = (
    "one of the two verdicts comes from a single group (document): nothing could be held out, so these figures are "
    "measured on the rows that the metric was fitted to, and say nothing about other rows"
)


@dataclasses.dataclass(frozen=True)
class _Predictions:
    """Rows with the metric's prediction for each: the probability, accepted or not, and the fold of the fit."""

    rows: Columns
    probability: Floats
    accepted: Flags
    folds: Folds

    def where(self, rows: Flags) -> "_Predictions":
        return _Predictions(self.rows.where(rows), self.probability[rows], self.accepted[rows], self.folds[rows])

    def interval(self, statistic: Statistic, span: tuple[float, float] = (0.0, 1.0)) -> Interval:
        return bootstrap(statistic, self.rows.groups, self.rows.good, span=span)

    def ranking(self, scores: Floats) -> Statistic:
        return auroc(scores, self.rows.good, self.folds)


class Calibrated(NamedTuple):
    """A fit, its figures, and its prediction for each observation, in their order."""

    fitted: Fitted
    figures: Calibration
    predictions: list[Prediction]


def calibrate(observations: Sequence[Observation], judges: Collection[str]) -> Calibrated:
    """Fit the metric to all rows, and measure it out of fold, with up to 5 folds of whole groups.

    `judges` names the parts that are judges' readings. A fit leaves out each judge that is not useful on the rows it is
    fitted to (a fold's training rows; all rows). Raises Alike where all verdicts are of one kind.
    """
    rows = Columns.of(observations)
    folds, sources = deal(rows.good, rows.groups), model_sources(rows, judges)
    beside = Beside(rows, sources)
    judge_figures = beside.each()
    fitted = _fit(rows, sources, judge_figures)
    predictions = _predict(fitted, rows, folds)
    if not folds.any():
        figures = _measure(fitted, predictions, beside, judge_figures, [UNHELD])
        return Calibrated(fitted, figures, _listed(observations, predictions, held_out=False))
    for fold in range(folds.max() + 1):
        out = folds == fold
        training = rows.where(~out)
        fold_fit = _fit(training, sources, Beside(training, sources, ROUGH).each())
        unseen = _predict(fold_fit, rows.where(out), folds[out])
        predictions.probability[out], predictions.accepted[out] = unseen.probability, unseen.accepted
    figures = _measure(fitted, predictions, beside, judge_figures, [])
    return Calibrated(fitted, figures, _listed(observations, predictions, held_out=True))


def evidence_alone(fitted: Fitted, observations: Sequence[Observation], judges: Collection[str]) -> Alone:
    """Fit the evidence without the parts that a model gives, and compare this fit with the full one, `fitted`."""
    rows = Columns.of(observations)
    model_parts = {name for parts in model_sources(rows, judges).values() for name in parts}
    return alone(fitted, rows.parts, model_parts, rows.good, rows.groups, towards=aim(rows.embedder))


def check(fitted: Fitted, observations: Sequence[Observation], judges: Collection[str]) -> Calibration:
    """Measure a frozen metric on new verdicts without fitting it. Raises Alike as `calibrate` does."""
    rows = Columns.of(observations)
    predictions = _predict(fitted, rows, np.zeros(len(observations), dtype=np.intp))
    beside = Beside(rows, model_sources(rows, judges))
    return _measure(fitted, predictions, beside, beside.each(), [])


def _fit(rows: Columns, sources: Sources, judge_figures: Mapping[str, Judged]) -> Fitted:
    useless = {name: sources[name] for name, judge in judge_figures.items() if not judge.useful}
    return fit(without(rows.parts, useless), rows.good, rows.groups, towards=aim(rows.embedder))


def _predict(fitted: Fitted, rows: Columns, folds: Folds) -> _Predictions:
    probability = np.array([fitted.probability(parts) for parts in rows.parts])
    return _Predictions(rows, probability, probability >= fitted.threshold, folds)


def _listed(observations: Sequence[Observation], predictions: _Predictions, *, held_out: bool) -> list[Prediction]:
    columns = zip(observations, predictions.rows.good, predictions.folds, predictions.probability, strict=True)
    return [
        Prediction(
            id=row.id,
            group=row.group,
            aspect=row.aspect,
            label=row.label,
            good=bool(good),
            kind=row.kind,
            rule=row.rule,
            fold=int(fold) if held_out else IN_SAMPLE,
            probability=float(probability),
            parts=row.parts,
        )
        for row, good, fold, probability in columns
    ]


def _measure(
    fitted: Fitted, predictions: _Predictions, beside: Beside, judge_figures: dict[str, Judged], notes: list[str]
) -> Calibration:
    all_rows = predictions.rows
    headline = predictions.where(all_rows.headline(predictions.folds))
    rows = headline.rows
    sources = beside.sources
    scored = [~np.isnan(rows.reading(next(iter(parts)))) for parts in sources.values()]
    figures = Calibration(
        n=len(rows.groups),
        groups=len(set(rows.groups)),
        coverage=float(np.all(scored, axis=0).mean()) if scored else 1.0,
        **_agreement(headline),
        **_against_rules(headline),
        judge=beside.together(),
        judges=judge_figures,
        by_rule=_part(predictions, ~all_rows.person, all_rows.person & all_rows.good),
        kinds=_kinds(predictions),
        own_rows=_part(headline, rows.own),
        weights={name: 0.0 for parts in sources.values() for name in parts} | fitted.weights,
        ridge=fitted.ridge,
        threshold=fitted.threshold,
        notes=[],
    )
    return figures.model_copy(update={"notes": [*notes, *_notes(figures, rows)]})


def _agreement(headline: _Predictions) -> dict[str, Any]:
    rows = headline.rows
    return (
        _fields("accuracy", headline.interval(accuracy(headline.accepted, rows.good)))
        | _fields("kappa", headline.interval(kappa(headline.accepted, rows.good), SIGNED))
        | _fields("auroc", headline.interval(headline.ranking(headline.probability)))
        | _fields("spearman", headline.interval(spearman(headline.probability, rows.labels), SIGNED))
        | _fields("ece", calibration_error(headline.probability, rows.good, rows.groups))
    )


def _against_rules(headline: _Predictions) -> dict[str, Any]:
    """The AUROC of the trivial rules, and the metric's less the better rule's. Resamples do not change that rule."""
    metric = headline.ranking(headline.probability)
    rules = {name: headline.ranking(scores) for name, scores in headline.rows.rules.items()}
    areas = {name: plain(rule, len(headline.folds)) for name, rule in rules.items()}
    better = rules[max(areas, key=areas.__getitem__)]
    difference = headline.interval(lambda weights: metric(weights) - better(weights), SIGNED)
    return {"baselines": {name: Rule(auroc=area) for name, area in areas.items()}} | _fields("difference", difference)


def _fields(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _part(predictions: _Predictions, rows: Flags, contrast: Flags | None = None) -> Part | None:
    """The metric on `rows` and the rows of `contrast` to compare them with; None without any `rows`."""
    if not rows.any():
        return None
    compared = predictions.where(rows if contrast is None else rows | contrast)
    area = compared.interval(compared.ranking(compared.probability))
    figures = [None] * 3 if np.isnan(area.mean) else [area.mean, area.low, area.high]
    return Part(n=len(compared.rows.groups), **dict(zip(("auroc", "auroc_low", "auroc_high"), figures, strict=True)))


def _kinds(predictions: _Predictions) -> dict[str, Kind]:
    """The share accepted of the rows that people called good and bad, and of those made bad by each rule."""
    rows, kinds = predictions.rows, np.array(predictions.rows.kinds)
    flags = {"good": rows.person & rows.good, "bad": rows.person & ~rows.good}
    flags |= {name: kinds == name for name in sorted(set(rows.kinds) - {""})}
    return {name: _accepted(predictions.where(flag)) for name, flag in flags.items() if flag.any()}


def _accepted(predictions: _Predictions) -> Kind:
    share = share_interval(predictions.accepted.astype(float).tolist(), predictions.rows.groups)
    return Kind(n=len(predictions.accepted), accepted=share.mean, accepted_low=share.low, accepted_high=share.high)


def _notes(figures: Calibration, rows: Columns) -> list[str]:
    """Warnings that a person should read before trusting the figures."""
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
