"""Labelled rows of which all is known: how good their judge is, what is noise, which rows share a document."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from metrics.calibration.calibrate import Calibration, Observation, calibrate

Change = Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]


def planted(
    seed: int,
    area: float = 0.8,
    n: int = 100,
    documents: int | None = None,
    missing: float = 0.0,
    change: Change = lambda row, rng: row,
) -> list[Observation]:
    """Rows whose judge has a known AUROC beside two parts of noise; scores are normal in either class and 0.3 of their
    variance is shared by the rows of a document. Length and overlap say nothing."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % (documents or n)
    good, shift = rng.random(n) < 0.5, math.sqrt(2) * norm.ppf(area)
    score = shift * good + math.sqrt(0.3) * rng.normal(size=n)[group] + math.sqrt(0.7) * rng.normal(size=n)
    rows = []
    for i in range(n):
        judge = None if rng.random() < missing else float(norm.cdf(score[i] / 2))
        row = {
            "parts": {"judge": judge, "words": rng.random(), "relevance": rng.random()},
            "label": float(good[i]),
            "group": f"document {group[i]}",
            "length": -float(rng.integers(5, 200)),
            "overlap": rng.random(),
        }
        rows.append(Observation(**change(row, rng)))
    return rows


def figures(rows: Sequence[Observation]) -> Calibration:
    return calibrate(rows, ["judge"])[1]


def judged(score: Callable[[dict[str, Any], np.random.Generator], float | None]) -> Change:
    """Another judge in place of the planted one."""
    return lambda row, rng: row | {"parts": row["parts"] | {"judge": score(row, rng)}}
