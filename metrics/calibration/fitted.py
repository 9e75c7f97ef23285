"""The model that turns a row's parts into one probability."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from scipy.special import expit

Parts = Mapping[str, float | None]
"""The measurements of a row by name, the higher the better; None where one could not be taken."""


class Fitted(BaseModel):
    """A logistic model of standardised parts. No weight is below 0; a part without a weight does not count. The ridge
    is 0 where the model was not fitted to verdicts of the user."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    intercept: float
    weights: dict[str, float]
    centres: dict[str, float]
    scales: dict[str, float]
    ridge: float
    threshold: float

    def probability(self, parts: Parts) -> float:
        """The probability that a person would accept the row, in (0, 1). A missing part or None counts as average."""
        return float(expit(self.intercept + sum(self.contributions(parts).values())))

    def contributions(self, parts: Parts) -> dict[str, float]:
        """How much each part that the row has adds to the log-odds, against an average row."""
        return {
            name: weight * (value - self.centres[name]) / self.scales[name]
            for name, weight in self.weights.items()
            if (value := parts.get(name)) is not None
        }
