"""Evidence and judge scores fitted into one probability: that a person would accept the row."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.optimize import minimize
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from metrics.evidence import PARTS
from metrics.folds import deal
from metrics.likelihood import LIKELIHOODS
from metrics.statistics import Flags, Floats

Parts = Mapping[str, float | None]
"""What was measured of a row, by name: the higher the better; None where it could not be."""

# Prior weights, per standard deviation of a part: what a part deserves that by itself tells good rows from bad with
# AUROC 0.56 (0.2) or 0.61 (0.4), scores being normal in either class. Evidence parts overlap, so each is trusted with
# less than a judge, which reads the whole row. On planted rows of six kinds they lost less log-loss than 0.3 and 0.6
# with no verdict and with 24, and no more with 100.
EVIDENCE, JUDGE = 0.2, 0.4
PRIORS = dict.fromkeys(PARTS, EVIDENCE)
RIDGE = 2.0  # least log-loss, or within 0.02 of it, on those planted rows at 24 to 190 verdicts
RIDGES = (0.5, 2.0, 8.0, 32.0)
ENOUGH = 200  # verdicts that can choose the ridge


class Fitted(BaseModel):
    """A logistic model of standardised parts. Weights are at or above 0; a part without a weight counts nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    intercept: float
    weights: dict[str, float]
    centres: dict[str, float]
    scales: dict[str, float]
    ridge: float
    threshold: float

    def probability(self, parts: Parts) -> float:
        """That a person would accept the row, in (0, 1). A part that is missing or None counts as an average one."""
        return float(expit(self.intercept + sum(self.contributions(parts).values())))

    def contributions(self, parts: Parts) -> dict[str, float]:
        """What each part that is there adds to the log-odds, against an average row."""
        return {
            name: weight * (value - self.centres[name]) / self.scales[name]
            for name, weight in self.weights.items()
            if (value := parts.get(name)) is not None
        }


def prior(names: Collection[str]) -> Fitted:
    """The model at its stated prior weights, for when no person's verdicts are at hand: parts in [0, 1] are taken to
    lie about one half with a deviation of a quarter. Likelihoods, which do not, are for a fit alone."""
    order = sorted(set(names).difference(LIKELIHOODS))
    return Fitted(
        intercept=0.0,
        weights={name: PRIORS.get(name, JUDGE) for name in order},
        centres=dict.fromkeys(order, 0.5),
        scales=dict.fromkeys(order, 0.25),
        ridge=0.0,
        threshold=0.5,
    )


def fit(parts: Sequence[Parts], labels: Flags, groups: Sequence[str], *, ridge: float | None = None) -> Fitted:
    """Fit to rows that people accepted (True) or not; both kinds must be there.

    The weights minimise the mean log-loss plus ridge / (2 n) times their squared distance from PRIORS, each at or
    above 0: a Gaussian prior of variance 1 / ridge, which more rows outweigh. Parts are standardised first; one that
    never varies gets no weight. Under ENOUGH rows the ridge is RIDGE, for so few cannot choose it; from then on it is
    the one of RIDGES with the least log-loss on held-out groups. The threshold is the best on these very rows.
    """
    names = sorted({name for row in parts for name in row})
    table = [[np.nan if (value := row.get(name)) is None else value for name in names] for row in parts]
    values = np.array(table, dtype=float).reshape(len(parts), len(names))
    aims = np.array([PRIORS.get(name, JUDGE) for name in names])
    centres, scales = _standard(values)
    rows = _standardised(values, centres, scales)
    with threadpool_limits(limits=1):  # so small a problem spends nine tenths of its time on threads that wait
        if ridge is None:
            ridge = RIDGE if len(labels) < ENOUGH else _best_ridge(values, labels, groups, aims)
        intercept, weights = _minimise(rows, labels, aims, ridge)
    return Fitted(
        intercept=intercept,
        weights=dict(zip(names, weights.tolist(), strict=True)),
        centres=dict(zip(names, centres.tolist(), strict=True)),
        scales=dict(zip(names, np.where(np.isinf(scales), 1.0, scales).tolist(), strict=True)),
        ridge=ridge,
        threshold=_threshold(expit(intercept + rows @ weights), labels),
    )


def _standard(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of what is there in each column; a column that never varies has an infinite deviation."""
    there = ~np.isnan(values)
    counts = np.maximum(there.sum(axis=0), 1)
    centres = np.where(there, values, 0.0).sum(axis=0) / counts
    scales = np.sqrt((np.where(there, values - centres, 0.0) ** 2).sum(axis=0) / counts)
    return centres, np.where(scales > 1e-9 * np.abs(centres) + 1e-12, scales, np.inf)


def _standardised(values: Floats, centres: Floats, scales: Floats) -> Floats:
    return np.nan_to_num((values - centres) / scales, nan=0.0)


def _minimise(rows: Floats, labels: Flags, aims: Floats, ridge: float) -> tuple[float, Floats]:
    """The intercept and the weights with the least penalised log-loss, by L-BFGS-B."""
    n, truth = len(labels), labels.astype(float)
    aims = np.where(rows.any(axis=0), aims, 0.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        logits, off = point[0] + rows @ point[1:], point[1:] - aims
        wrong = (expit(logits) - truth) / n
        value = np.mean(np.logaddexp(0, logits) - truth * logits) + ridge / (2 * n) * off @ off
        return float(value), np.concatenate([[wrong.sum()], wrong @ rows + ridge / n * off])

    start = np.concatenate([[logit(np.clip(truth.mean(), 0.01, 0.99))], aims])
    bounds = [(None, None)] + [(0.0, None)] * len(aims)
    point = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000}
    ).x
    return float(point[0]), point[1:]


def _best_ridge(values: Floats, labels: Flags, groups: Sequence[str], aims: Floats) -> float:
    """The ridge of RIDGES with the least log-loss on held-out groups; RIDGE where none can be held out."""
    folds = deal(labels, groups)
    if not folds.any():
        return RIDGE
    losses = np.zeros(len(RIDGES))
    for fold in range(folds.max() + 1):
        kept, out = folds != fold, folds == fold
        standard = _standard(values[kept])
        rows, unseen = (_standardised(values[part], *standard) for part in (kept, out))
        for i, ridge in enumerate(RIDGES):
            intercept, weights = _minimise(rows, labels[kept], aims, ridge)
            logits = intercept + unseen @ weights
            losses[i] += np.sum(np.logaddexp(0, logits) - labels[out] * logits)
    return RIDGES[int(np.argmin(losses))]


def _threshold(probabilities: Floats, labels: Flags) -> float:
    """Where balanced accuracy is greatest (Youden 1950, "Index for rating diagnostic tests"), half way between
    neighbouring probabilities; of equally good places the one nearest 0.5, and 0.5 where all rows look the same."""
    levels, codes = np.unique(np.round(probabilities, 12), return_inverse=True)
    if len(levels) < 2:
        return 0.5
    below = [np.cumsum(np.bincount(codes[rows], minlength=len(levels)))[:-1] / rows.sum() for rows in (labels, ~labels)]
    gain, between = below[1] - below[0], (levels[1:] + levels[:-1]) / 2
    return float(between[np.lexsort((np.abs(between - 0.5), -gain))[0]])
