"""Intervals and tests that respect groups: documents are independent, rows of one document are not."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import norm, t

RESAMPLES = 2000
PERCENTILES = 10  # groups: from this number on, percentiles of the bootstrap may be trusted
ALIKE = 0.025  # of the span: groups with a smaller standard deviation are more or less alike
CELLS = 1_000_000  # row weights in memory while resampling: 8 MB per array

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""A figure of rows as a function of how often each row counts: weights (resamples, n) -> values (resamples, ...).
Weights of 1 give the plain value; nan where it is undefined."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def grouped_interval(values: Sequence[float], groups: Sequence[str]) -> Interval:
    """Mean with its 95% expanded percentile bootstrap interval over groups (documents), for values in [-1, 1].

    The percentile interval of few groups is too narrow, so less is cut off (the expanded percentile interval of
    Hesterberg 2015, "What Teachers Should Know About the Bootstrap"). Below ten groups that is not enough: there
    `bootstrap` is used, with Student's t. Groups that hardly differ leave room, as in `bootstrap`. With one group the
    width is unknown: [-1, 1].
    """
    data, span = np.asarray(values, dtype=float), (-1.0, 1.0)
    mean, n = float(data.mean()), units(groups)
    if n < PERCENTILES:
        return bootstrap(_mean_of(data), groups, span=span)
    draws = resample(_mean_of(data), groups)
    low, high = np.quantile(draws, [tail(n), 1 - tail(n)])
    return _with_room(Interval(mean, float(low), float(high)), n, float(draws.std()), span)


def share_interval(values: Sequence[float], groups: Sequence[str]) -> Interval:
    """Mean of values in [0, 1] with its 95% interval over groups by `bootstrap`: zero successes in twelve documents do
    not prove a rate of zero."""
    return bootstrap(_mean_of(np.asarray(values, dtype=float)), groups)


def _mean_of(data: Floats) -> Statistic:
    return lambda weights: weights @ data / weights.sum(axis=1)


def tail(n: int) -> float:
    """The share to cut off at either end of a bootstrap over n groups (at least 2) to keep 95% (Hesterberg 2015)."""
    return float(norm.cdf(-np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1)))


def bootstrap(
    statistic: Statistic,
    groups: Sequence[str],
    labels: Flags | None = None,
    *,
    span: tuple[float, float] = (0.0, 1.0),
    resamples: int = RESAMPLES,
) -> Interval:
    """95% interval of a statistic within `span`. Whole groups (documents) are resampled.

    The interval is Student's t times the bootstrap's standard error, on the logit scale of the span (Fisher's z for a
    span of -1 to 1), because percentiles fail near the ends of the span. It contained planted AUROCs of 0.5 to 0.95 in
    92 to 98 of 100 repeats: 100 or 300 rows, each its own group, or in 20 or 50 documents whose rows share 0.3 of the
    variance; 0.95 over 20 documents was the worst case. Where rows shared 0.6 and labels too ran in documents, it
    contained 0.95 over 20 documents in only 88. Of 0.95 over 10 documents of 4 rows, percentiles contained 79 of 100,
    expanded percentiles 84, this interval 94 or more (`coverage`, test_statistics.py).

    `labels`: the two classes to compare. The degrees of freedom are then those of the class that occurs in fewer
    groups. With one such group the width is unknown, and the interval is the span. For groups that hardly differ the
    bootstrap shows no spread: see `_with_room`. Resamples on which the statistic is undefined are left out.
    """
    low, high = span
    value = plain(statistic, len(groups))
    n = units(groups, labels)
    if n < 2 or np.isnan(value):
        return Interval(value, low, high)
    share = (value - low) / (high - low)
    if not 0 < share < 1:
        return _with_room(Interval(value, value, value), n, 0.0, span)
    error = float(np.nanstd(resample(statistic, groups, resamples), ddof=1))
    reach = float(t.ppf(0.975, n - 1)) * error / (high - low) / (share * (1 - share))
    ends = (low + (high - low) * float(expit(logit(share) + sign * reach)) for sign in (-1, 1))
    return _with_room(Interval(value, *ends), n, error, span)


def _with_room(interval: Interval, n: int, error: float, span: tuple[float, float]) -> Interval:
    """Widen the interval to the room that n more or less equal groups leave.

    n groups without an exception do not rule out a share of exceptions (Clopper and Pearson 1934), which may be at
    either end of the span. For equal groups this share is the room. The more the groups differ (by `error`, the
    standard error), the more of this the bootstrap itself sees, so the room shrinks linearly, to 0 at a deviation of
    ALIKE.
    """
    low, high = span
    spread = error * float(np.sqrt(n)) / (high - low)
    room = (1 - 0.025 ** (1 / n)) * max(0.0, 1 - spread / ALIKE)
    value = interval.mean
    return Interval(
        value,
        min(interval.low, value - room * (value - low)),
        max(interval.high, value + room * (high - value)),
    )


def plain(statistic: Statistic, n: int) -> float:
    """The statistic's value on n rows, where each counts once."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(statistic(np.ones((1, n)))[0])


def resample(statistic: Statistic, groups: Sequence[str], resamples: int = RESAMPLES) -> Floats:
    """The statistic on `resamples` draws of whole groups with replacement, always the same: (resamples, ...)."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    rng, n = np.random.default_rng(0), len(names)
    step = max(1, CELLS // len(codes))
    chunks = [min(step, resamples - start) for start in range(0, resamples, step)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate([statistic(_counts(rng, size, n)[:, codes]) for size in chunks])


def units(groups: Sequence[str], labels: Flags | None = None) -> int:
    """The number of groups; with labels, the number of groups that contain the rarer class."""
    names = np.asarray(groups, dtype=str)
    return min(len(np.unique(rows)) for rows in ([names] if labels is None else [names[labels], names[~labels]]))


def sign_flip(means: Sequence[float]) -> float:
    """Exact two-sided p-value that the mean of paired differences is 0, for up to 20 per-document means.

    If the two programs were equal, each document's difference could have had the other sign as well. p is the share of
    all 2^n sign settings whose mean is at least as far from 0 as the observed mean (Fisher 1935, "The Design of
    Experiments", section 21). It is never below 2^(1 - n), so p < 0.05 needs at least six documents.
    """
    if len(means) > 20:
        raise ValueError("The sign-flip test tries every sign: it is for 20 means or fewer.")
    sums = np.zeros(1)
    for mean in means:
        sums = np.concatenate([sums + mean, sums - mean])
    observed = abs(sum(means)) - 1e-12 * sum(abs(mean) for mean in means)
    return float((np.abs(sums) >= observed).mean())


def _counts(rng: np.random.Generator, size: int, n: int) -> Floats:
    """How often each of n groups is drawn in each of `size` resamples."""
    flat = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
    return np.bincount(flat.ravel(), minlength=size * n).reshape(size, n).astype(float)
