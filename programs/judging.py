"""Judges: each asks one thing about a candidate, of the judge's model, and gives a verdict with its reason."""

import json
from collections.abc import Callable
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, ConfigDict

from programs.candidate import Candidate, digest
from programs.program import run_sync
from programs.step import Step
from signatures.judging import JudgeAnswerability, JudgeGroundedness, JudgeQuestion, JudgeRelevance
from signatures.lab import JudgePair


class Verdict(BaseModel):
    """A decision with its reason. `score` is in [0, 1]; None where the reply could not be read (unscored)."""

    model_config = ConfigDict(frozen=True)
    score: float | None
    reason: str


class Judge(dspy.Module):
    """One aspect, judged by `dspy.settings.judge_lm` (the running model where none is set).

    Args:
        signature: ends in a field that decides, after one that reasons.
        inputs: candidate -> what the signature is asked. score: the deciding field's value -> [0, 1].
        decide: a person's yes or no -> the deciding field's value, to show a labelled row as an example.
    A judge is marked compiled, so that no optimizer of a recipe rewrites the judge that scores it.
    """

    def __init__(
        self,
        aspect: str,
        signature: type[dspy.Signature],
        inputs: Callable[[Any], dict[str, str]],
        score: Callable[[Any], float],
        decide: Callable[[bool], Any],
    ) -> None:
        super().__init__()
        self.aspect, self.inputs, self.score, self.decide, self._compiled = aspect, inputs, score, decide, True
        self.judge = Step(signature)

    @property
    def hash(self) -> str:
        """What its verdicts depend on beside the model: its prompt, format and demos."""
        return digest(json.dumps(self.dump_state(), sort_keys=True, default=str))

    def example(self, candidate: Candidate, *, good: bool, reason: str) -> dspy.Example:
        """A row with a person's verdict, as a demo of this judge."""
        reasons, decides = self.judge.signature.output_fields
        return dspy.Example(**self.inputs(candidate), **{reasons: reason, decides: self.decide(good)})

    def forward(self, candidate: Candidate) -> Verdict:
        return run_sync(self.aforward(candidate))

    async def aforward(self, candidate: Candidate) -> Verdict:
        """Never raises for a reply it cannot read: that is unscored, with the reply as the reason."""
        with dspy.context(lm=dspy.settings.get("judge_lm") or dspy.settings.lm):
            try:
                said = await self.judge.acall(**self.inputs(candidate))
            except AdapterParseError as error:
                return Verdict(score=None, reason=f"unreadable verdict: {(error.lm_response or '')[:200]}")
        decision = said[list(self.judge.signature.output_fields)[-1]]
        return Verdict(score=self.score(decision), reason=said.reasoning)


def _yes(decision: str) -> float:
    return float(decision == "yes")


def _said(good: bool) -> str:
    return "yes" if good else "no"


def _fields(*names: str) -> Callable[[Any], dict[str, str]]:
    return lambda candidate: {name: getattr(candidate, name) for name in names}


JUDGES: dict[str, Callable[[], Judge]] = {
    "answerable": lambda: Judge("answerable", JudgeAnswerability, _fields("document", "question"), _yes, _said),
    "grounded": lambda: Judge("grounded", JudgeGroundedness, _fields("document", "question", "answer"), _yes, _said),
    "relevant": lambda: Judge("relevant", JudgeRelevance, _fields("question", "answer"), _yes, _said),
    "question": lambda: Judge("question", JudgeQuestion, _fields("document", "question"), _yes, _said),
    # LAB keeps a pair at 2 or better, so 2 must lie above one half.
    "pair": lambda: Judge(
        "pair",
        JudgePair,
        _fields("task", "context", "question", "answer"),
        lambda grade: {1: 0.0, 2: 0.7, 3: 1.0}[int(grade)],
        lambda good: 3 if good else 1,
    ),
}
