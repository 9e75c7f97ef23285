"""Which two answers to a prompt make a pair: the best that was accepted, and the worst."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from programs.core.text import blank_words
from seedbed.runs.pairs.answers import Answer

Origin = Literal["rejected", "teachers", "samples"]
"""Where the worse answer comes from: the same teacher's candidates of the run, another teacher's, or new samples."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two answers to one prompt; the chosen one has the higher score."""

    chosen: Answer
    rejected: Answer

    @property
    def origin(self) -> Origin:
        if self.chosen.sampled or self.rejected.sampled:
            return "samples"
        return "rejected" if self.chosen.writer == self.rejected.writer else "teachers"

    @property
    def is_longer(self) -> bool:
        """Whether the chosen answer has more words."""
        return blank_words(self.chosen.text) > blank_words(self.rejected.text)


def best_pair(answers: Sequence[Answer], margin: float) -> Pair | None:
    """The accepted answer with the highest score, and the worst of the answers that are worse than it; None if none is.

    An answer is worse if its score is lower and either the gate rejected it or the score is lower by `margin`, in
    [0, 1]. Answers that differ only in case or punctuation are the same. Among equal scores the first one counts.
    """
    chosen = max((answer for answer in answers if answer.accepted), key=lambda answer: answer.score)
    worse = [answer for answer in answers if _is_worse(answer, chosen, margin)]
    rejected = min(worse, key=lambda answer: answer.score, default=None)
    return Pair(chosen, rejected) if rejected else None


def _is_worse(answer: Answer, chosen: Answer, margin: float) -> bool:
    gap = round(chosen.score - answer.score, 6)
    return gap > 0 and (answer.refused or gap >= margin) and answer.words != chosen.words
