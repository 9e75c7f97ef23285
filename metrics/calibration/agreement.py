"""How well scores agree with people's labels. Each measure is a statistic of row weights, for the bootstrap."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from metrics.calibration.intervals import Flags, Floats, Interval, Statistic, resample, tail, units

BINS = 10


def auroc(scores: Floats, labels: Flags, folds: npt.NDArray[np.intp] | None = None) -> Statistic:
    """The chance that a good row scores above a bad one, in [0, 1]. A tie counts half; nan where a class is missing.

    With `folds`, only rows of the same fold are compared, because different fits give scores on different scales. The
    pairs of all folds are pooled: an average weighted by each fold's number of pairs.
    """
    fold_of = np.zeros(len(scores), dtype=np.intp) if folds is None else folds
    parts = []
    for fold in np.unique(fold_of):
        rows = np.flatnonzero(fold_of == fold)
        order, starts = _ties(scores[rows])
        parts.append((rows[order], starts))

    def measure(weights: Floats) -> Floats:
        wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for rows, starts in parts:
            counts = weights[:, rows]
            good = np.add.reduceat(counts * labels[rows], starts, axis=1)
            bad = np.add.reduceat(counts * ~labels[rows], starts, axis=1)
            below = np.cumsum(bad, axis=1) - bad / 2
            wins += np.einsum("rk,rk->r", good, below)
            pairs += good.sum(axis=1) * bad.sum(axis=1)
        return wins / pairs

    return measure


def accuracy(decisions: Flags, labels: Flags) -> Statistic:
    """The share of rows on which the decision is the same as people's."""
    correct = (decisions == labels).astype(float)
    return lambda weights: weights @ correct / weights.sum(axis=1)


def kappa(decisions: Flags, labels: Flags) -> Statistic:
    """Agreement beyond chance, in [-1, 1] (Cohen 1960, "A coefficient of agreement for nominal scales"); nan where
    both sides give all rows one and the same verdict."""

    def measure(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        accepted, good, agreement = (
            weights @ flags.astype(float) / total for flags in (decisions, labels, decisions == labels)
        )
        chance = accepted * good + (1 - accepted) * (1 - good)
        return (agreement - chance) / (1 - chance)

    return measure


def spearman(scores: Floats, grades: Floats) -> Statistic:
    """Spearman's rank correlation, in [-1, 1]. Tied rows share the middle of their ranks; 0 where all rows of a side
    are tied."""
    sides = [(*_ties(values), np.unique(values, return_inverse=True)[1]) for values in (scores, grades)]

    def measure(weights: Floats) -> Floats:
        total, centred = weights.sum(axis=1), []
        for order, starts, codes in sides:
            mass = np.add.reduceat(weights[:, order], starts, axis=1)
            ranks = (np.cumsum(mass, axis=1) - mass / 2)[:, codes]
            centred.append(ranks - (np.einsum("rn,rn->r", weights, ranks) / total)[:, None])
        first, second = centred
        covariance, first_variance, second_variance = (
            np.einsum("rn,rn,rn->r", weights, a, b) for a, b in ((first, second), (first, first), (second, second))
        )
        spread = np.sqrt(first_variance * second_variance)
        return np.divide(covariance, spread, out=np.zeros(len(weights)), where=spread > 0)

    return measure


def calibration_error(probabilities: Floats, labels: Flags, groups: Sequence[str]) -> Interval:
    """Expected calibration error with its 95% interval over groups (documents), in [0, 1].

    Ten equal-width bins (Naeini et al. 2015; Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2).
    Noise alone raises the error above 0, and raises it again in every resample. So the low end is the error less the
    95% quantile of the noise, which is how far a resample's gaps are from the rows' gaps, summed over bins. The high
    end is the plain percentile. Where a class occurs in one group only, the width is unknown: [0, 1].
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = np.eye(BINS)[bins] * (probabilities - labels)[:, None]

    def statistic(weights: Floats) -> Floats:
        return weights @ gaps / weights.sum(axis=1, keepdims=True)

    rows_gaps, n = statistic(np.ones((1, len(labels)))), units(groups, labels)
    value = float(np.abs(rows_gaps).sum())
    if n < 2:
        return Interval(value, 0.0, 1.0)
    resampled_gaps = resample(statistic, groups)
    noise = np.quantile(np.abs(resampled_gaps - rows_gaps).sum(axis=1), 1 - 2 * tail(n))
    high = np.quantile(np.abs(resampled_gaps).sum(axis=1), 1 - tail(n))
    return Interval(value, max(0.0, value - float(noise)), max(value, float(high)))


def _ties(values: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The order that sorts the values, and the positions in it where each run of equal values starts."""
    order = np.argsort(values, kind="stable")
    return order, np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
