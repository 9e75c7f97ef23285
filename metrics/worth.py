"""The worth of a row, with its reasons."""

from pydantic import BaseModel, Field

from programs.core.row import Drop

HOPE = 0.1  # the highest worth in a search of a row that a veto dropped


class Worth(BaseModel):
    """A row's worth. `score` in [0, 1]; `parts` are its scored parts; `unscored` names judges without a verdict.

    `reasons` say for each part what is wrong, or what its judge said; `weakest` is the part that lowers the score
    most. `asked`: the models whose replies count were asked, and all replies could be read. `chance`: the probability
    by the evidence alone, of a row that a veto dropped in a search. `probability`: the fit's, in [0, 1], whatever
    dropped the row later; None if it was dropped before its evidence was read, or has none.
    """

    score: float
    chance: float = 0.0
    probability: float | None = None
    parts: dict[str, float] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    unscored: list[str] = Field(default_factory=list)
    weakest: str = ""
    asked: bool = False
    drop: Drop | None = None

    @property
    def promise(self) -> float:
        """The score that a search uses, in [0, 1]: `score`, or a little for a dropped row. So prompts that give hardly
        any accepted row still differ: a row that can be read is better than none."""
        return self.score if self.drop is None else HOPE * (1 + self.chance) / 2

    @property
    def feedback(self) -> str:
        """What is wrong, in words for a person; the weakest part where nothing is wrong."""
        if self.drop:
            return f"{self.drop.reason}: {self.drop.detail}"
        if not self.weakest:
            return "nothing speaks against it"
        reason = self.reasons.get(self.weakest) or f"{self.weakest} is {self.parts[self.weakest]:.2f}"
        return f"a person would accept it with probability {self.score:.2f}; weakest: {reason}"


def rejected(worth: Worth, drop: Drop) -> Worth:
    """The worth of a row that is rejected."""
    return worth.model_copy(update={"score": 0.0, "drop": drop})


def scored(worth: Worth, probability: float, weakest: str) -> Worth:
    """The worth with this probability as its score, and the part that lowers it most."""
    return worth.model_copy(update={"score": probability, "probability": probability, "weakest": weakest})


def low_score(worth: Worth) -> Drop:
    """The rejection of a row whose score is below the threshold."""
    return Drop(step="threshold", reason="low score", detail=worth.feedback)
