"""The band in which a model's reply can change the decision. No model is asked about a row outside of it."""

from collections.abc import Sequence
from itertools import compress

from pydantic import BaseModel, ConfigDict

from metrics.calibration.fit import Aim, Fitted, Parts, fit
from metrics.calibration.folds import deal
from metrics.calibration.intervals import Flags


class Alone(BaseModel):
    """A fit of the evidence alone, and the band of its probabilities in which a model is asked.

    Outside of `low` to `high` a row is scored by `fitted`. Inside, a model is asked, and the full fit scores the row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fitted: Fitted
    low: float
    high: float

    def is_doubtful(self, probability: float) -> bool:
        """Whether a model's reply may change the decision on a row of this probability."""
        return self.low <= probability <= self.high


def alone(
    full: Fitted, parts: Sequence[Parts], model_parts: set[str], good: Flags, groups: Sequence[str], *, towards: Aim
) -> Alone:
    """Fit the evidence alone, and find the band from the rows that the two fits decide differently.

    Args:
        full: the fit of all parts. parts: of each row. model_parts: the names of the parts that a model gives.
        towards: the aim of both fits.

    The band spans all such rows and the threshold of the evidence's fit. Rows are decided twice: by these two fits, and
    by two fits without the row's fold, because fits decide too few of their own rows differently.
    """
    all_parts = [{name: value for name, value in row.items() if name in full.weights} for row in parts]
    evidence = [{name: value for name, value in row.items() if name not in model_parts} for row in all_parts]
    bare, folds = fit(evidence, good, groups, towards=towards), deal(good, groups)
    doubtful = [bare.threshold, *_turned(bare, full, evidence, all_parts)]
    for fold in range(folds.max() + 1) if folds.any() else ():
        training, out = folds != fold, folds == fold
        fold_bare, fold_full = (
            fit([*compress(rows, training)], good[training], [*compress(groups, training)], towards=towards)
            for rows in (evidence, all_parts)
        )
        doubtful += _turned(fold_bare, fold_full, [*compress(evidence, out)], [*compress(all_parts, out)])
    return Alone(fitted=bare, low=min(doubtful), high=max(doubtful))


def _turned(bare: Fitted, full: Fitted, evidence: Sequence[Parts], all_parts: Sequence[Parts]) -> list[float]:
    """The probabilities by the evidence alone of the rows that the two fits decide differently."""
    pairs = [
        (bare.probability(row), full.probability(full_row)) for row, full_row in zip(evidence, all_parts, strict=True)
    ]
    return [p for p, full_p in pairs if (p >= bare.threshold) != (full_p >= full.threshold)]
