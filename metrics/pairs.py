"""Figures of the pairs of a run: how often the chosen answer is the longer one, and how often the orders agree."""

from pydantic import BaseModel

from programs.core.kinds import Preference
from programs.core.row import Candidate
from programs.core.text import blank_words
from programs.judges.judge import ORDERS_DISAGREE


class PairFigures(BaseModel):
    """Counts over the candidates of a run.

    A student that learns from pairs learns what their chosen answers share. If most of these are longer, it learns to
    write long answers (length bias: Singhal et al. 2023).

    Attributes:
        pairs: accepted ones. longer: those of them whose chosen answer has more words than the rejected one.
        asked: pairs that a judge compared in both orders, accepted or not. agreed: those of them on which it preferred
        the same answer both times.
    """

    pairs: int = 0
    longer: int = 0
    asked: int = 0
    agreed: int = 0

    def add(self, candidate: Candidate, *, accepted: bool) -> None:
        """Count a candidate; one of another kind than a pair does not count."""
        if not isinstance(candidate, Preference):
            return
        if candidate.probability is not None:
            self.asked += 1
            self.agreed += not (candidate.dropped and candidate.dropped.reason == ORDERS_DISAGREE)
        if accepted:
            self.pairs += 1
            self.longer += blank_words(candidate.chosen_answer) > blank_words(candidate.rejected_answer)

    @property
    def lines(self) -> list[str]:
        """The figures in words; none without pairs."""
        lines = [f"the chosen answer is the longer one in {self.longer} of {self.pairs} pairs"] if self.pairs else []
        if self.asked:
            lines.append(f"the judge prefers the same answer in both orders in {self.agreed} of {self.asked} pairs")
        return lines
