"""Rows dealt into folds: a document's rows stay together, and each fold gets its share of good and of bad rows."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.calibration.intervals import Flags

FOLDS = 5
Folds: TypeAlias = npt.NDArray[np.intp]


def deal(labels: Flags, groups: Sequence[str], folds: int = FOLDS) -> Folds:
    """A fold number for each row, whole groups at a time, the same for the same rows in any order.

    Fewer folds where fewer groups hold one of the classes, so that no fold has to go without. All 0 where a class is
    found in fewer than two groups: then no part of the rows can be held out and both classes still be learned from.
    """
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    held = np.stack([np.bincount(codes, weights=rows, minlength=len(names)) for rows in (labels, ~labels)], axis=1)
    spread = (held > 0).sum(axis=0)
    folds = min(folds, *spread)
    if folds < 2:
        return np.zeros(len(labels), dtype=np.intp)
    rare = held[:, int(np.argmin(spread))]
    share = held / held.sum(axis=0)
    filled, chosen = np.zeros((folds, 2)), np.zeros(len(names), dtype=np.intp)
    for group in np.lexsort((-held.sum(axis=1), -rare)):  # stable: by name where both are equal
        chosen[group] = np.argmin(filled @ share[group] + 1e-6 * filled.sum(axis=1))
        filled[chosen[group]] += share[group]
    return chosen[codes]
