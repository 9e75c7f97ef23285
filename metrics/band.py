"""Where asking a model can change the outcome: a row that the evidence alone decides for certain is not asked about."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from metrics.fitting import Aim, Fitted, Parts, fit
from metrics.statistics import Flags


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
        full: the fit of all parts. parts: of each row. asked: the names of those that a model gives. towards: what both
        fits are pulled towards.

    The band spans all such rows and the threshold between them, so on these rows nobody decides otherwise for it.
    """
    evidence = [{name: value for name, value in row.items() if name not in asked} for row in parts]
    bare = fit(evidence, good, groups, towards=towards)
    probability = np.array([bare.probability(row) for row in evidence])
    accepted = np.array([full.probability(row) >= full.threshold for row in parts])
    turned = probability[(probability >= bare.threshold) != accepted]
    return Alone(
        fitted=bare,
        low=float(min([bare.threshold, *turned])),
        high=float(max([bare.threshold, *turned])),
    )
