"""The model that turns a row's parts into one probability."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from scipy.special import expit

Parts = Mapping[str, float | None]
"""What was measured of a row, by name: the higher the better; None where it could not be."""


class Fitted(BaseModel):
    """A logistic model of standardised parts. Weights are at or above 0; a part without a weight counts nothing. The
    ridge is 0 where no verdicts of the user's were fitted to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    intercept: float
    weights: dict[str, float]
    centres: dict[str, float]
    scales: dict[str, float]
    ridge: float
    threshold: float

    def probability(self, parts: Parts) -> float:
        """That a person would accept the row, in (0, 1). A part that is missing or None counts as an average one."""
        return float(expit(self.intercept + sum(self.contributions(parts).values())))

    def contributions(self, parts: Parts) -> dict[str, float]:
        """What each part that is there adds to the log-odds, against an average row."""
        return {
            name: weight * (value - self.centres[name]) / self.scales[name]
            for name, weight in self.weights.items()
            if (value := parts.get(name)) is not None
        }
