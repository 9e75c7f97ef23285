"""A variant of a step in a search: one way to ask it, and what came of it in each race."""

import dataclasses
import math
import statistics

from pydantic import BaseModel, ConfigDict

from programs.core.step import Step

PRICE = 0.02  # the gain in score that a prompt twice as long must bring


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to ask a step, its score on each example, in [0, 1], and the length of its prompt in characters."""

    name: str
    step: Step
    scores: tuple[float, ...] = ()
    length: int = 1

    @property
    def n(self) -> int:
        """The number of examples it was scored on."""
        return len(self.scores)

    @property
    def score(self) -> float:
        """The mean score; 0 without examples."""
        return statistics.fmean(self.scores) if self.scores else 0.0

    @property
    def merit(self) -> float:
        """The score, less `PRICE` for each doubling of the prompt, which every call of a run pays for."""
        return self.score - PRICE * math.log2(self.length)


class Lap(BaseModel):
    """A variant in one race of a search.

    `stage`: the number of the race, from 1. `score`: the mean on `n` examples, in [0, 1]. `length`: of the prompt, in
    characters. `kept`: the variant went on to the next race, or won. `replies`: scored so far in the search of the
    step.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    step: str
    stage: int
    variant: str
    score: float
    n: int
    length: int
    kept: bool
    replies: int
