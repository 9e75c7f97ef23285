"""How well scores agree with people's labels: each measure a statistic of row weights, for the bootstrap."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from metrics.calibration.intervals import Flags, Floats, Interval, Statistic, resample, tail, units

BINS = 10


def auroc(scores: Floats, labels: Flags, folds: npt.NDArray[np.intp] | None = None) -> Statistic:
    """The chance that a good row scores above a bad one, a tie counting half; in [0, 1], nan where a class is missing.

    With `folds` only rows of one fold are compared, since scores given by different fits are on different scales; the
    pairs of all folds are pooled, as by an average weighted by a fold's number of pairs.
    """
    within = np.zeros(len(scores), dtype=np.intp) if folds is None else folds
    parts = []
    for fold in np.unique(within):
        rows = np.flatnonzero(within == fold)
        order, starts = _ties(scores[rows])
        parts.append((rows[order], starts))

    def measure(weights: Floats) -> Floats:
        wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for rows, starts in parts:
            drawn = weights[:, rows]
            good = np.add.reduceat(drawn * labels[rows], starts, axis=1)
            bad = np.add.reduceat(drawn * ~labels[rows], starts, axis=1)
            below = np.cumsum(bad, axis=1) - bad / 2
            wins += np.einsum("rk,rk->r", good, below)
            pairs += good.sum(axis=1) * bad.sum(axis=1)
        return wins / pairs

    return measure


def accuracy(decided: Flags, labels: Flags) -> Statistic:
    """The share of rows decided as people did."""
    right = (decided == labels).astype(float)
    return lambda weights: weights @ right / weights.sum(axis=1)


def kappa(decided: Flags, labels: Flags) -> Statistic:
    """Agreement beyond chance (Cohen 1960, "A coefficient of agreement for nominal scales"); in [-1, 1], nan where
    both sides say the same of every row."""

    def measure(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        ours, theirs, agreed = (weights @ flags.astype(float) / total for flags in (decided, labels, decided == labels))
        chance = ours * theirs + (1 - ours) * (1 - theirs)
        return (agreed - chance) / (1 - chance)

    return measure


def spearman(scores: Floats, grades: Floats) -> Statistic:
    """Spearman's rank correlation, tied rows sharing the middle of their ranks; in [-1, 1], 0 where one side ranks
    nothing."""
    sides = [(*_ties(values), np.unique(values, return_inverse=True)[1]) for values in (scores, grades)]

    def measure(weights: Floats) -> Floats:
        total, centred = weights.sum(axis=1), []
        for order, starts, codes in sides:
            mass = np.add.reduceat(weights[:, order], starts, axis=1)
            ranks = (np.cumsum(mass, axis=1) - mass / 2)[:, codes]
            centred.append(ranks - (np.einsum("rn,rn->r", weights, ranks) / total)[:, None])
        one, other = centred
        covariance, first, second = (
            np.einsum("rn,rn,rn->r", weights, a, b) for a, b in ((one, other), (one, one), (other, other))
        )
        spread = np.sqrt(first * second)
        return np.divide(covariance, spread, out=np.zeros(len(weights)), where=spread > 0)

    return measure


def calibration_error(probabilities: Floats, labels: Flags, groups: Sequence[str]) -> Interval:
    """Expected calibration error with its 95% interval over groups (documents), in [0, 1].

    Ten equal-width bins (Naeini et al. 2015; Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2).
    Noise alone puts it above 0, and once more in every resample. So the low end is what remains when 95% of the
    noise, the summed shifts of the bins' gaps between resample and rows, is taken away; the high end is the plain
    percentile. A class found in one group: no width is known, so [0, 1].
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = np.eye(BINS)[bins] * (probabilities - labels)[:, None]

    def statistic(weights: Floats) -> Floats:
        return weights @ gaps / weights.sum(axis=1, keepdims=True)

    seen, n = statistic(np.ones((1, len(labels)))), units(groups, labels)
    value = float(np.abs(seen).sum())
    if n < 2:
        return Interval(value, 0.0, 1.0)
    drawn = resample(statistic, groups)
    noise = np.quantile(np.abs(drawn - seen).sum(axis=1), 1 - 2 * tail(n))
    high = np.quantile(np.abs(drawn).sum(axis=1), 1 - tail(n))
    return Interval(value, max(0.0, value - float(noise)), max(value, float(high)))


def _ties(values: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The order that sorts the values, and where each run of equal ones starts in it."""
    order = np.argsort(values, kind="stable")
    return order, np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
