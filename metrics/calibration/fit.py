"""Evidence and judge scores fitted into one probability: that a person would accept the row."""

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

# Stated weights, per standard deviation of a part: what a part deserves that by itself tells good rows from bad with
# AUROC 0.56 (0.2) or 0.61 (0.4), scores being normal in either class. A judge, which reads the whole row, is trusted
# with more than a part of evidence, and stands where the shipped fit, which has no judge, says nothing.
EVIDENCE, JUDGE = 0.2, 0.4
RIDGE = 2.0  # least log-loss, or within 0.02 of it, on planted rows of six kinds at 24 to 190 verdicts
RIDGES = (0.5, 2.0, 8.0, 32.0)
ENOUGH = 200  # verdicts that can choose the ridge
LEVEL = 0.15  # the share of the bad rows that a threshold may let pass; docs/calibration.md has what others bring


@dataclasses.dataclass(frozen=True)
class Aim:
    """What a fit is pulled towards: a weight a part, in units of `scales`. A part without a weight has the stated one,
    and one without a scale is measured in the deviation of the rows at hand."""

    weights: Mapping[str, float]
    scales: Mapping[str, float]


def aim(embedder: str) -> Aim:
    """The shipped fit as an aim. What another embedder gives is on another scale than the shipped fit's: of such a part
    the weight stands, for one deviation of the rows at hand. '' is the shipped fit's own."""
    ours = shipped()
    known = ours.of(embedder)
    return Aim(weights=ours.fit.weights, scales=known.scales)


def prior(names: Collection[str], embedder: str = "") -> Fitted:
    """The model for when no person's verdicts are at hand: the shipped fit, and stated weights for those of `names`
    that it has not (judges, a cross-encoder).

    `embedder`: whose evidence it will weigh, '' for the shipped fit's own. With another one only what needs none is
    weighed.
    """
    ours = shipped().of(embedder)
    more = stated(set(names) - shipped().fit.weights.keys() - set(LIKELIHOODS))  # a likelihood is for a fit alone
    both = {name: getattr(ours, name) | getattr(more, name) for name in ("weights", "centres", "scales")}
    return ours.model_copy(update={**both, "ridge": 0.0})


def stated(names: Collection[str]) -> Fitted:
    """A model at stated weights alone, for rows that no fit speaks of: parts in [0, 1] are taken to lie about one half
    with a deviation of a quarter."""
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
    """Fit to rows that people accepted (True) or not; both kinds must be there.

    The weights minimise the mean log-loss plus ridge / (2 n) times their squared distance from those of `towards` (by
    default the shipped fit's), each at or above 0: a Gaussian prior of variance 1 / ridge, which more rows outweigh. A
    part that never varies gets no weight. Under ENOUGH rows the ridge is RIDGE, for so few cannot choose it; from then
    on it is the one of RIDGES with the least log-loss on held-out groups. The threshold is the best on these very rows.
    `counts`: how often each row counts, 1 on average; by default all alike.

    Parts are measured in the deviations of the fit aimed at, not of the rows at hand: only then does a weight mean what
    it meant there, and ten rows that happen to be alike in a part do not make it count for more. They are centred on
    the rows at hand, which moves nothing but the intercept, and a part that is missing counts as their average.
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
    with threadpool_limits(limits=1):  # so small a problem spends nine tenths of its time on threads that wait
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
    """Mean of what is there in each column, and its unit, where there is none the deviation; a column that never varies
    has an infinite one."""
    there = ~np.isnan(values) * counts[:, None]
    sums = np.maximum(there.sum(axis=0), 1e-12)
    centres = (np.nan_to_num(values) * there).sum(axis=0) / sums
    spread = np.sqrt((np.nan_to_num(values - centres) ** 2 * there).sum(axis=0) / sums)
    scales = np.where(np.isnan(units), spread, units)
    return centres, np.where(spread > 1e-9 * np.abs(centres) + 1e-12, scales, np.inf)


def _standardised(values: Floats, centres: Floats, scales: Floats) -> Floats:
    return np.nan_to_num((values - centres) / scales, nan=0.0)


def _minimise(rows: Floats, labels: Flags, aims: Floats, ridge: float, counts: Floats) -> tuple[float, Floats]:
    """The intercept and the weights with the least penalised log-loss, by L-BFGS-B."""
    n, truth = len(labels), labels.astype(float)
    aims = np.where(rows.any(axis=0), aims, 0.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        logits, off = point[0] + rows @ point[1:], point[1:] - aims
        wrong = counts * (expit(logits) - truth) / n
        value = np.mean(counts * (np.logaddexp(0, logits) - truth * logits)) + ridge / (2 * n) * off @ off
        return float(value), np.concatenate([[wrong.sum()], wrong @ rows + ridge / n * off])

    start = np.concatenate([[logit(np.clip((counts * truth).mean(), 0.01, 0.99))], aims])
    bounds = [(None, None)] + [(0.0, None)] * len(aims)
    point = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000}
    ).x
    return float(point[0]), point[1:]


def _best_ridge(values: Floats, labels: Flags, groups: Sequence[str], aims: Floats, units: Floats) -> float:
    """The ridge of RIDGES with the least log-loss on held-out groups; RIDGE where none can be held out."""
    folds = deal(labels, groups)
    if not folds.any():
        return RIDGE
    losses = np.zeros(len(RIDGES))
    for fold in range(folds.max() + 1):
        kept, out = folds != fold, folds == fold
        alike = np.ones(int(kept.sum()))
        standard = _standard(values[kept], alike, units)
        rows, unseen = (_standardised(values[part], *standard) for part in (kept, out))
        for i, ridge in enumerate(RIDGES):
            intercept, weights = _minimise(rows, labels[kept], aims, ridge, alike)
            logits = intercept + unseen @ weights
            losses[i] += np.sum(np.logaddexp(0, logits) - labels[out] * logits)
    return RIDGES[int(np.argmin(losses))]


def _threshold(probabilities: Floats, labels: Flags) -> float:
    """The place, half way between neighbouring probabilities, that accepts most good rows while at most LEVEL of the
    bad ones pass (Neyman-Pearson); of equally good places the one that the fewest bad ones pass, then the one nearest
    0.5. Where every such place refuses all good rows it is where balanced accuracy is greatest (Youden 1950, "Index
    for rating diagnostic tests"), and 0.5 where all rows look the same."""
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
