"""Shares of many rows with their intervals by group: the rows of a group are added up before they are resampled."""

from collections.abc import Sequence

import numpy as np

from metrics.calibration.intervals import RESAMPLES, Flags, Floats, Interval, bootstrap

MANY = 2000  # groups: beyond, fewer resamples show the same and take no minute
FEWER = 400


def mean_by_group(values: Floats | Flags, groups: Sequence[str]) -> Interval:
    """The mean of values in [0, 1] (at least one) with its 95% interval by group, as `share_interval` gives it."""
    names, (sums, sizes) = _added_up(groups, values, np.ones(len(groups)))
    return bootstrap(lambda weights: weights @ sums / (weights @ sizes), names, resamples=_resamples(names))


def change_by_group(flags: Flags, early: Flags, late: Flags, groups: Sequence[str]) -> Interval:
    """The share of flags among the late rows less that among the early ones, with its 95% interval by group, in
    [-1, 1]."""
    names, (first, of_first, last, of_last) = _added_up(groups, flags & early, early, flags & late, late)
    return bootstrap(
        lambda weights: weights @ last / (weights @ of_last) - weights @ first / (weights @ of_first),
        names,
        span=(-1.0, 1.0),
        resamples=_resamples(names),
    )


def _added_up(groups: Sequence[str], *columns: Floats | Flags) -> tuple[list[str], list[Floats]]:
    """The names of the groups, and the sums of each column by group."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return names.tolist(), [np.bincount(codes, weights=column).astype(float) for column in columns]


def _resamples(names: Sequence[str]) -> int:
    return RESAMPLES if len(names) <= MANY else FEWER
