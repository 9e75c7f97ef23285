"""Where asking a model can change the outcome: a row that the evidence alone decides for certain is not asked about."""

from collections.abc import Sequence
from itertools import compress

from pydantic import BaseModel, ConfigDict

from metrics.calibration.fit import Aim, Fitted, Parts, fit
from metrics.calibration.folds import deal
from metrics.calibration.intervals import Flags


class Alone(BaseModel):
    """The evidence without any model's word: its own fit, and the probabilities by it between which a model is asked.

    Outside of `low` to `high` a row is scored by `fitted`; inside, and asked, by the fit that weighs the answers too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fitted: Fitted
    low: float
    high: float

    def is_doubtful(self, probability: float) -> bool:
        """Whether a model's word may turn the decision on a row of this probability."""
        return self.low <= probability <= self.high


def alone(
    full: Fitted, parts: Sequence[Parts], asked: set[str], good: Flags, groups: Sequence[str], *, towards: Aim
) -> Alone:
    """Fit the evidence alone, and find the band from the rows that the two fits decide differently.

    Args:
        full: the fit of all that is weighed. parts: of each row. asked: the names of those that a model gives. towards:
        what both fits are pulled towards.

    The band spans all such rows and the threshold between them. They are decided twice, by these fits and by fits that
    left the row's group out: on the rows fitted to alone, too few are decided differently.
    """
    weighed = [{name: value for name, value in row.items() if name in full.weights} for row in parts]
    evidence = [{name: value for name, value in row.items() if name not in asked} for row in weighed]
    bare, folds = fit(evidence, good, groups, towards=towards), deal(good, groups)
    doubtful = [bare.threshold, *_turned(bare, full, evidence, weighed)]
    for fold in range(folds.max() + 1) if folds.any() else ():
        kept, out = folds != fold, folds == fold
        without, both = (
            fit([*compress(rows, kept)], good[kept], [*compress(groups, kept)], towards=towards)
            for rows in (evidence, weighed)
        )
        doubtful += _turned(without, both, [*compress(evidence, out)], [*compress(weighed, out)])
    return Alone(fitted=bare, low=min(doubtful), high=max(doubtful))


def _turned(bare: Fitted, full: Fitted, evidence: Sequence[Parts], weighed: Sequence[Parts]) -> list[float]:
    """The probabilities by the evidence alone of the rows that the two fits decide differently."""
    said = [(bare.probability(row), full.probability(every)) for row, every in zip(evidence, weighed, strict=True)]
    return [alone for alone, both in said if (alone >= bare.threshold) != (both >= full.threshold)]
