"""Intervals that respect groups, and the area under the ROC curve."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def grouped_interval(values: Sequence[float], groups: Sequence[str]) -> Interval:
    """Mean with a 95% percentile bootstrap over groups (documents), whose rows are not independent."""
    data = np.asarray(values, dtype=float)
    return bootstrap(lambda rows: float(data[rows].mean()), groups)


def bootstrap(statistic: Callable[[npt.NDArray[np.intp]], float], groups: Sequence[str]) -> Interval:
    """95% percentile interval of a statistic of row indices, resampling whole groups. One group: no width is known,
    so the interval is the widest a share can have, [-1, 1]. A resample on which it is undefined (nan) is left out."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    whole = statistic(np.arange(len(groups)))
    if len(names) < 2 or np.isnan(whole):
        return Interval(whole, -1.0, 1.0)
    rng = np.random.default_rng(0)
    draws = rng.integers(len(names), size=(RESAMPLES, len(names)))
    stats = [statistic(np.concatenate([members[i] for i in draw])) for draw in draws]
    low, high = np.nanpercentile(stats, [2.5, 97.5])
    return Interval(whole, float(low), float(high))


def auroc(scores: npt.NDArray[np.floating], labels: npt.NDArray[np.bool_]) -> float:
    """The chance that a good row scores above a bad one, a tie counting half; nan where one kind is missing."""
    good, bad = scores[labels], scores[~labels]
    if not len(good) or not len(bad):
        return float("nan")
    above = good[:, None] - bad[None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())
