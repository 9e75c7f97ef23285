"""Fits evidence and judge scores into one probability: that a person would accept the row."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from metrics.calibration.fitted import Fitted as Fitted
from metrics.calibration.fitted import Parts as Parts
from metrics.calibration.folds import deal
from metrics.calibration.intervals import Flags, Floats
from metrics.calibration.shipped import shipped
from metrics.evidence import PARTS
from metrics.likelihood import LIKELIHOODS

# Stated weights, per standard deviation of a part. A part deserves 0.2 if its AUROC by itself is 0.56, and 0.4 if it is
# 0.61, for scores that are normal in both classes. A judge reads the whole row, so its weight is higher than that of a
# part of evidence. The shipped fit has no judge, so it says nothing about a judge's weight.
EVIDENCE, JUDGE = 0.2, 0.4
RIDGE = 2.0  # least log-loss, or within 0.02 of it, on planted rows of six kinds at 24 to 190 verdicts
RIDGES = (0.5, 2.0, 8.0, 32.0)
ENOUGH = 200  # verdicts that can choose the ridge
LEVEL = 0.15  # the share of bad rows that a threshold may let pass; docs/calibration.md compares other shares


@dataclasses.dataclass(frozen=True)
class Aim:
    """The weights that a fit is pulled towards, one per part, in units of `scales`. A part without a weight has the
    stated one; a part without a scale is measured in the deviation of the rows at hand."""

    weights: Mapping[str, float]
    scales: Mapping[str, float]


def aim(embedder: str) -> Aim:
    """The shipped fit as an aim; '' is its own embedder. Another embedder gives evidence on another scale: such a part
    keeps the shipped weight, but per deviation of the rows at hand."""
    return Aim(weights=shipped().fit.weights, scales=shipped().of(embedder).scales)


def prior(names: Collection[str], embedder: str = "") -> Fitted:
    """The model to use without any verdicts: the shipped fit, and stated weights for those of `names` that it lacks
    (judges, a cross-encoder).

    `embedder` gives the evidence; '' is the shipped fit's own. With another one, only evidence that needs no embedder
    is weighed.
    """
    fitted = shipped().of(embedder)
    more = stated(set(names) - shipped().fit.weights.keys() - set(LIKELIHOODS))  # a likelihood counts only when fitted
    merged = {name: getattr(fitted, name) | getattr(more, name) for name in ("weights", "centres", "scales")}
    return fitted.model_copy(update={**merged, "ridge": 0.0})


def stated(names: Collection[str]) -> Fitted:
    """A model with stated weights only, for rows that no fit covers. It assumes parts in [0, 1] with a mean of one half
    and a deviation of a quarter."""
    order = sorted(names)
    return Fitted(
        intercept=0.0,
        weights={name: _stated(name) for name in order},
        centres=dict.fromkeys(order, 0.5),
        scales=dict.fromkeys(order, 0.25),
        ridge=0.0,
        threshold=0.5,
    )


def _stated(name: str) -> float:
    return EVIDENCE if name in PARTS else JUDGE


def fit(
    parts: Sequence[Parts],
    labels: Flags,
    groups: Sequence[str],
    *,
    ridge: float | None = None,
    towards: Aim | None = None,
    counts: Floats | None = None,
) -> Fitted:
    """Fit to rows that people accepted (True) or not. There must be rows of both kinds.

    The weights minimise the mean log-loss plus ridge / (2 n) times their squared distance from those of `towards` (by
    default the shipped fit's). No weight is below 0. This is a Gaussian prior of variance 1 / ridge, which more rows
    outweigh. A part that never varies gets no weight. Under ENOUGH rows, too few to choose a ridge, the ridge is RIDGE;
    else it is the one of RIDGES with the least log-loss on held-out groups. The threshold is the best on the fitted
    rows. `counts`: how often each row counts, 1 on average; by default all equally.

    Parts are measured in the deviations of the aim, not of the rows at hand. So a weight means the same as in the aim,
    and a part in which the rows at hand happen to be alike does not count for more. Parts are centred on the rows at
    hand, which changes only the intercept, and a missing part counts as their average.
    """
    towards = towards or aim("")
    names = sorted({name for row in parts for name in row})
    table = [[np.nan if (value := row.get(name)) is None else value for name in names] for row in parts]
    values = np.array(table, dtype=float).reshape(len(parts), len(names))
    aims = np.array([towards.weights.get(name, _stated(name)) for name in names])
    units = np.array([towards.scales.get(name, np.nan) for name in names])
    counts = np.ones(len(labels)) if counts is None else counts
    centres, scales = _standard(values, counts, units)
    rows = _standardised(values, centres, scales)
    with threadpool_limits(limits=1):  # else nine tenths of the time go to waiting threads
        if ridge is None:
            ridge = RIDGE if len(labels) < ENOUGH else _best_ridge(values, labels, groups, aims, units)
        intercept, weights = _minimise(rows, labels, aims, ridge, counts)
    return Fitted(
        intercept=intercept,
        weights=dict(zip(names, weights.tolist(), strict=True)),
        centres=dict(zip(names, centres.tolist(), strict=True)),
        scales=dict(zip(names, np.where(np.isinf(scales), 1.0, scales).tolist(), strict=True)),
        ridge=ridge,
        threshold=_threshold(expit(intercept + rows @ weights), labels),
    )


def _standard(values: Floats, counts: Floats, units: Floats) -> tuple[Floats, Floats]:
    """The mean of each column's values, and its unit, or its deviation where it has no unit. A column that never varies
    has an infinite unit."""
    present = ~np.isnan(values) * counts[:, None]
    sums = np.maximum(present.sum(axis=0), 1e-12)
    centres = (np.nan_to_num(values) * present).sum(axis=0) / sums
    spread = np.sqrt((np.nan_to_num(values - centres) ** 2 * present).sum(axis=0) / sums)
    scales = np.where(np.isnan(units), spread, units)
    return centres, np.where(spread > 1e-9 * np.abs(centres) + 1e-12, scales, np.inf)


def _standardised(values: Floats, centres: Floats, scales: Floats) -> Floats:
    return np.nan_to_num((values - centres) / scales, nan=0.0)


def _minimise(rows: Floats, labels: Flags, aims: Floats, ridge: float, counts: Floats) -> tuple[float, Floats]:
    """The intercept and the weights with the least penalised log-loss, by L-BFGS-B."""
    n, truth = len(labels), labels.astype(float)
    aims = np.where(rows.any(axis=0), aims, 0.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        logits, distance = point[0] + rows @ point[1:], point[1:] - aims
        residuals = counts * (expit(logits) - truth) / n
        value = np.mean(counts * (np.logaddexp(0, logits) - truth * logits)) + ridge / (2 * n) * distance @ distance
        return float(value), np.concatenate([[residuals.sum()], residuals @ rows + ridge / n * distance])

    start = np.concatenate([[logit(np.clip((counts * truth).mean(), 0.01, 0.99))], aims])
    bounds = [(None, None)] + [(0.0, None)] * len(aims)
    point = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000}
    ).x
    return float(point[0]), point[1:]


def _best_ridge(values: Floats, labels: Flags, groups: Sequence[str], aims: Floats, units: Floats) -> float:
    """The one of RIDGES with the least log-loss on held-out groups; RIDGE where no group can be held out."""
    folds = deal(labels, groups)
    if not folds.any():
        return RIDGE
    losses = np.zeros(len(RIDGES))
    for fold in range(folds.max() + 1):
        training, out = folds != fold, folds == fold
        equal = np.ones(int(training.sum()))
        standard = _standard(values[training], equal, units)
        rows, unseen = (_standardised(values[part], *standard) for part in (training, out))
        for i, ridge in enumerate(RIDGES):
            intercept, weights = _minimise(rows, labels[training], aims, ridge, equal)
            logits = intercept + unseen @ weights
            losses[i] += np.sum(np.logaddexp(0, logits) - labels[out] * logits)
    return RIDGES[int(np.argmin(losses))]


def _threshold(probabilities: Floats, labels: Flags) -> float:
    """The threshold, half way between neighbouring probabilities, that accepts most good rows while at most LEVEL of
    the bad rows pass (Neyman-Pearson). Ties go to the one that fewest bad rows pass, then to the one nearest 0.5. Where
    every such threshold refuses all good rows, it is the one with the greatest balanced accuracy (Youden 1950, "Index
    for rating diagnostic tests"); 0.5 where all rows look the same."""
    levels, codes = np.unique(np.round(probabilities, 12), return_inverse=True)
    if len(levels) < 2:
        return 0.5
    good, bad = (
        1 - np.cumsum(np.bincount(codes[rows], minlength=len(levels)))[:-1] / rows.sum() for rows in (labels, ~labels)
    )
    between = (levels[1:] + levels[:-1]) / 2
    strict = np.where(bad <= LEVEL, good, 0.0)
    gain = strict if strict.any() else good - bad
    return float(between[np.lexsort((np.abs(between - 0.5), bad, -gain))[0]])
