"""A judge that rates a response by several aspects, one call each, and keeps the ratings."""

from collections.abc import Mapping
from typing import Any

import dspy
from pydantic import BaseModel, Field

from programs.core.background import together
from programs.core.row import Candidate
from programs.core.verdict import Verdict
from programs.judges.judge import Judge

GRADES = {grade: (grade - 1) / 4 for grade in range(1, 6)}


class Rating(BaseModel):
    """The rating of a response by one aspect, in [1, 5]: the expected one, where the model gives probabilities."""

    aspect: str
    rating: float


class Rated(Verdict):
    """A verdict with the ratings that it is the mean of. A rating that could not be read is left out."""

    ratings: list[Rating] = Field(default_factory=list)


class AspectsJudge(Judge):
    """The mean rating of a response over all aspects, scaled to [0, 1] (Notus 2023: the mean over the aspects of
    UltraFeedback contradicts the responses less often than the rating of the whole).

    Args:
        signature: it has an input `aspect`, and decides on a grade from 1 to 5. aspects: name -> the text of `aspect`.
    """

    def __init__(self, aspect: str, signature: type[dspy.Signature], aspects: Mapping[str, str]) -> None:
        super().__init__(aspect, signature, GRADES, negatives=("another text", "cut off"))
        self.aspects = dict(aspects)

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The judge's state and its aspects."""
        return {**super().dump_state(json_mode=json_mode), "aspects": dict(self.aspects)}

    def load_state(self, state: dict[str, Any], **kwargs: Any) -> None:
        super().load_state(state, **kwargs)
        self.aspects = dict(state["aspects"])

    def inputs(self, candidate: Any) -> dict[str, str]:
        """All aspects as one text, since a person's verdict is on the whole response."""
        return {**super().inputs(candidate), "aspect": " ".join(self.aspects.values())}

    async def aforward(self, candidate: Candidate) -> Rated:
        """Unscored if a rating cannot be read: means over other aspects could not be compared."""
        inputs = self.inputs(candidate)
        verdicts = await together(self.ask(**inputs | {"aspect": text}) for text in self.aspects.values())
        scores = {name: verdict.score for name, verdict in zip(self.aspects, verdicts, strict=True)}
        ratings = [Rating(aspect=name, rating=1 + 4 * score) for name, score in scores.items() if score is not None]
        if unread := next((verdict for verdict in verdicts if verdict.score is None), None):
            return Rated(score=None, reason=unread.reason, ratings=ratings)
        mean = sum(rating.rating for rating in ratings) / len(ratings)
        reason = ", ".join(f"{rating.aspect} {rating.rating:.1f}" for rating in ratings)
        return Rated(score=(mean - 1) / 4, reason=reason, ratings=ratings)
