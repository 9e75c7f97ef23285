"""What a row is worth: deterministic vetoes, then evidence and judges as one number in [0, 1], with its reasons."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from pydantic import BaseModel, Field

from metrics.evidence import Embed, likeness, sentence_support, word_support
from metrics.vetoes import like_a_seed, veto
from programs.candidate import Candidate, Drop, digest
from programs.judging import Judge, Verdict
from programs.recipe import Recipe
from programs.text import f1
from signatures.grounding import DOES_NOT_SAY

WEIGHTS = {"relevance": 1.0, "support": 1.0, "sentence": 1.0, "label": 4.0, "round trip": 1.0, "judge": 2.0}
"""How much each part counts; every judge counts as `judge`. Priors: calibration fits them to verdicts."""


class Worth(BaseModel):
    """A row's worth. `score` in [0, 1]; `parts` are its scored parts; `unscored` names judges without a verdict."""

    score: float
    parts: dict[str, float] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    unscored: list[str] = Field(default_factory=list)
    drop: Drop | None = None

    @property
    def feedback(self) -> str:
        """What is wrong, in a person's words; what is weakest where nothing is."""
        if self.drop:
            return f"{self.drop.reason}: {self.drop.detail}"
        if not self.parts:
            return "nothing to score"
        weakest = min(self.parts, key=self.parts.__getitem__)
        return f"weakest part: {weakest} {self.parts[weakest]:.2f}. {self.reasons.get(weakest, '')}".strip()


@dataclasses.dataclass(frozen=True)
class Bars:
    """What a row must clear: see `Gates` in the config for what each one measures."""

    threshold: float = 0.6
    relevance: float = 0.45
    support: float = 0.7
    round_trip: float = 0.3


class Metric:
    """Scores candidates of one recipe.

    Args:
        embed: texts -> unit vectors; called off the event loop. shown: seed prompts no row may repeat.
        judges: those the labels have not shown to be of no use.
    """

    def __init__(
        self,
        recipe: Recipe,
        embed: Embed,
        bars: Bars,
        *,
        judges: Sequence[Judge] = (),
        shown: Sequence[str] = (),
    ) -> None:
        self.recipe, self.embed, self.bars = recipe, embed, bars
        self.judges, self.shown = list(judges), list(shown)

    @property
    def hash(self) -> str:
        """What scores depend on: bars, weights, judges and their prompts."""
        return digest(
            self.bars, WEIGHTS, self.recipe.name, [(judge.aspect, judge.hash) for judge in self.judges], self.shown
        )

    async def veto(self, candidate: Candidate, given: Collection[str] = ()) -> Drop | None:
        """The cheapest evidence first, on what is filled so far: what a program asks before it pays for more.

        `given` are texts the teacher was given, which it may repeat even where they are a seed's.
        """
        drop = veto(candidate) or self.recipe.filter(candidate)
        if not drop and candidate.prompt:
            drop = like_a_seed(candidate, [text for text in self.shown if text not in given])
        return drop or await asyncio.to_thread(self._too_far, candidate)

    async def worth(self, candidate: Candidate, *, label: str | None = None, given: Collection[str] = ()) -> Worth:
        """Score without judges: vetoes, evidence, and likeness to a person's answer where there is one."""
        drop = candidate.dropped or await self.veto(candidate, given)
        if drop and label is None:
            return Worth(score=0.0, drop=drop)
        if label is None:
            parts = await asyncio.to_thread(self._evidence, candidate)
        else:
            parts = {"label": 0.0 if candidate.dropped else await asyncio.to_thread(self._label, candidate, label)}
        return Worth(score=_mean(parts), parts=parts, drop=candidate.dropped)

    async def judged(self, candidate: Candidate, again: Callable[[Any], Awaitable[str | None]] | None = None) -> Worth:
        """The full gate: `worth`, then the round trip (`again` answers anew), then the judges, dearest last.

        Stops at the first no. A row is accepted when nothing drops it and its score reaches the threshold.
        """
        worth = await self.worth(candidate)
        if not worth.drop and not candidate.response.strip():
            worth = Worth(score=0.0, drop=Drop(step="veto", reason="no answer", detail="the answer is empty"))
        if worth.drop:
            return worth
        if again and self.bars.round_trip and candidate.response != DOES_NOT_SAY:
            worth.parts["round trip"] = f1(candidate.response, await again(candidate) or "")
            if worth.parts["round trip"] < self.bars.round_trip:
                worth.drop = Drop(step="round trip", reason="round trip", detail="asked again, the answer was another")
                return worth.model_copy(update={"score": 0.0})
        for judge in self._judges_of(candidate):
            self._hear(worth, judge, await judge.acall(candidate), candidate)
            if worth.drop:
                return worth.model_copy(update={"score": 0.0})
        worth.score = _mean(worth.parts)
        if worth.score < self.bars.threshold:
            worth.drop = Drop(step="threshold", reason="low score", detail=worth.feedback)
        return worth

    def _judges_of(self, candidate: Candidate) -> list[Judge]:
        """An answer that the document does not say is judged on that alone."""
        refused = candidate.response == DOES_NOT_SAY
        return [judge for judge in self.judges if judge.aspect == "answerable" or not refused]

    def _hear(self, worth: Worth, judge: Judge, verdict: Verdict, candidate: Candidate) -> None:
        worth.reasons[judge.aspect] = verdict.reason
        if verdict.score is not None and candidate.response == DOES_NOT_SAY:
            verdict = verdict.model_copy(update={"score": 1 - verdict.score})
        if verdict.score is None:
            worth.unscored.append(judge.aspect)
        else:
            worth.parts[judge.aspect] = verdict.score
        if judge.aspect in self.recipe.required and (verdict.score is None or verdict.score < 0.5):
            worth.drop = Drop(step=f"judge {judge.aspect}", reason=f"judge {judge.aspect}", detail=verdict.reason)

    def _too_far(self, candidate: Candidate) -> Drop | None:
        """The embedding's and the words' veto."""
        if not candidate.document or not candidate.prompt:
            return None
        near = likeness(self.embed, candidate.prompt, candidate.document)
        if near < self.bars.relevance:
            return Drop(step="veto", reason="off topic", detail=f"question and document are {near:.2f} alike")
        if not candidate.response or candidate.response == DOES_NOT_SAY:
            return None
        support = word_support(candidate.response, candidate.document)
        if support < self.bars.support:
            return Drop(step="veto", reason="unsupported", detail=f"{support:.0%} of the answer is in the document")
        return None

    def _evidence(self, candidate: Candidate) -> dict[str, float]:
        prompt, response, document = candidate.prompt, candidate.response, candidate.document
        if not prompt:
            return {}
        if not document:
            return {"relevance": 1.0}  # a right label or number need not be like its question: judges decide
        parts = {"relevance": likeness(self.embed, prompt, document)}
        if response and response != DOES_NOT_SAY:
            parts["support"] = word_support(response, document)
            parts["sentence"] = sentence_support(self.embed, prompt, response, document)
        return parts

    def _label(self, candidate: Candidate, label: str) -> float:
        """Likeness to the labelled answer: the geometric mean of word F1 and cosine, in [0, 1]; both must hold."""
        return float((f1(candidate.response, label) * likeness(self.embed, candidate.response, label)) ** 0.5)


def _mean(parts: dict[str, float]) -> float:
    weights = {name: WEIGHTS.get(name, WEIGHTS["judge"]) for name in parts}
    return sum(parts[name] * weights[name] for name in parts) / sum(weights.values()) if parts else 0.0
