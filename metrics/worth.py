"""What a row is worth, with its reasons."""

from pydantic import BaseModel, Field

from programs.core.candidate import Drop

HOPE = 0.1  # the most that a row which a veto dropped counts in a search


class Worth(BaseModel):
    """A row's worth. `score` in [0, 1]; `parts` are its scored parts; `unscored` names judges without a verdict.

    `reasons` say for a part what is wrong, or what its judge said; `weakest` is the part that speaks most against
    the row. `asked`: the models whose word counts were asked, and all could be read. `chance`: of a row that a veto
    dropped in a search, the probability that its evidence alone would give it.
    """

    score: float
    chance: float = 0.0
    parts: dict[str, float] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    unscored: list[str] = Field(default_factory=list)
    weakest: str = ""
    asked: bool = False
    drop: Drop | None = None

    @property
    def promise(self) -> float:
        """What a search goes by, in [0, 1]: the score, and a little for a row that was dropped, so that ways of asking
        of which hardly a row is accepted can be told apart: one that is read is better than one that is not."""
        return self.score if self.drop is None else HOPE * (1 + self.chance) / 2

    @property
    def feedback(self) -> str:
        """What is wrong, in a person's words; what is weakest where nothing is."""
        if self.drop:
            return f"{self.drop.reason}: {self.drop.detail}"
        if not self.weakest:
            return "nothing speaks against it"
        said = self.reasons.get(self.weakest) or f"{self.weakest} is {self.parts[self.weakest]:.2f}"
        return f"a person would accept it with probability {self.score:.2f}; weakest: {said}"
