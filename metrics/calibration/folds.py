"""Deals rows into folds: a document's rows stay together, and each fold gets its share of good and of bad rows."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from metrics.calibration.intervals import Flags

FOLDS = 5
Folds: TypeAlias = npt.NDArray[np.intp]


def deal(labels: Flags, groups: Sequence[str], folds: int = FOLDS) -> Folds:
    """A fold number for each row. A group's rows share a fold; the order of the rows does not matter.

    There are fewer folds where fewer groups contain one of the classes, so that every fold has both. All numbers are 0
    where a class occurs in fewer than two groups: holding out such a group would leave no rows of the class to fit to.
    """
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    class_counts = np.stack(
        [np.bincount(codes, weights=rows, minlength=len(names)) for rows in (labels, ~labels)], axis=1
    )
    groups_per_class = (class_counts > 0).sum(axis=0)
    folds = min(folds, *groups_per_class)
    if folds < 2:
        return np.zeros(len(labels), dtype=np.intp)
    rare = class_counts[:, int(np.argmin(groups_per_class))]
    share = class_counts / class_counts.sum(axis=0)
    filled, fold_of = np.zeros((folds, 2)), np.zeros(len(names), dtype=np.intp)
    for group in np.lexsort((-class_counts.sum(axis=1), -rare)):  # stable: by name where both keys are equal
        fold_of[group] = np.argmin(filled @ share[group] + 1e-6 * filled.sum(axis=1))
        filled[fold_of[group]] += share[group]
    return fold_of[codes]
