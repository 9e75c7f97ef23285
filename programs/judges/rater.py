"""A rater: one question with a verdict, which the judge's model gives at once or after its reason."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, ConfigDict

from programs.core.candidate import digest
from programs.core.program import run_sync, together
from programs.core.step import Step
from programs.core.tools import tools
from programs.formats.plain import is_plain
from programs.formats.replies import CUT_OFF, DECLINED, EMPTY, UNREADABLE, dropped
from programs.judges.expected_score import expected_score

SAMPLED = 0.7  # the temperature of a judge that is asked more than once (Self-Rewarding, Yuan et al. 2024)

_UNREAD = {
    UNREADABLE: "unreadable verdict",
    CUT_OFF: f"verdict {CUT_OFF}",
    EMPTY: "empty verdict",
    DECLINED: "no verdict",
}


class Verdict(BaseModel):
    """A decision with its reason. `score` is in [0, 1]; None where the reply could not be read (unscored)."""

    model_config = ConfigDict(frozen=True)
    score: float | None
    reason: str


class Rater(dspy.Module):
    """One question with a verdict, asked of the judges' model (`Tools.judge_lm`).

    Args:
        signature: its last output field decides; one before it reasons, or none does. levels: the deciding field's
        values, each with its score in [0, 1].

    `samples` above 1 asks that often, sampled, and takes the mean. Where the model's endpoint returns
    log-probabilities (`lm.logprobs` is how many a token), a reply's score is the expected one over the levels.
    A judge is marked compiled, so that no optimizer of a recipe rewrites the judge that scores it.
    """

    def __init__(self, signature: type[dspy.Signature], levels: Mapping[Any, float]) -> None:
        super().__init__()
        self.judge, self.levels, self.samples, self._compiled = Step(signature), dict(levels), 1, True

    @property
    def explains(self) -> bool:
        """Whether it gives its reason before it decides."""
        return not is_plain(self.judge.signature)

    @property
    def hash(self) -> str:
        """What its verdicts depend on beside the model: its prompts, formats, demos, rules and samples."""
        return digest(json.dumps(self.dump_state(), sort_keys=True, default=str))

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The steps' states, and how often each is asked."""
        return {**super().dump_state(json_mode=json_mode), "samples": self.samples}

    def load_state(self, state: dict[str, Any], **kwargs: Any) -> None:
        """Raises ValueError for the state of another kind of judge, or of another version of this one."""
        if state.keys() != self.dump_state().keys():
            raise ValueError(f"a judge that was frozen with {', '.join(state)} is not one of this version")
        self.samples = state["samples"]
        super().load_state(state, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Verdict:
        return run_sync(self.aforward(*args, **kwargs))

    async def aforward(self, *args: Any, **kwargs: Any) -> Verdict:
        raise NotImplementedError

    async def ask(self, **inputs: str) -> Verdict:
        """The mean of the samples that can be read, with the reason nearest to it; unscored where none can."""
        with judging():
            draws = range(1, self.samples + 1) if self.samples > 1 else [0]
            verdicts = await together(self._reply(inputs, draw) for draw in draws)
        scored = [(verdict.score, verdict.reason) for verdict in verdicts if verdict.score is not None]
        if not scored:
            return verdicts[0]
        mean = sum(score for score, _ in scored) / len(scored)
        return Verdict(score=mean, reason=min(scored, key=lambda one: abs(one[0] - mean))[1])

    async def _reply(self, inputs: dict[str, str], draw: int) -> Verdict:
        try:
            said = await self.judge.acall(config=self._config(dspy.settings.lm, draw), **inputs)
        except AdapterParseError as error:
            drop = dropped("judge", error)
            return Verdict(score=None, reason=f"{_UNREAD[drop.reason]}: {drop.detail[:200]}")
        *reasons, decides = self.judge.signature.output_fields
        expected = expected_score(said.get("logprobs"), decides, said[decides], self.levels, alone=not reasons)
        score = self.levels[said[decides]] if expected is None else expected
        return Verdict(score=score, reason=said[reasons[0]] if reasons else f"{said[decides]} ({score:.2f})")

    def _config(self, lm: Any, draw: int) -> dict[str, Any]:
        """How one reply is asked for: draw 0 as the model is set, every other one sampled and told apart by its
        number; where the reply is the decision alone, in one token."""
        top = getattr(lm, "logprobs", 0)
        wanted = {"logprobs": True, "top_logprobs": top} if top else {}
        if self.judge.format == "plain":
            wanted["max_tokens"] = 1
        if draw:
            wanted |= {"rollout_id": draw, "temperature": max(SAMPLED, lm.kwargs.get("temperature") or 0.0)}
        return wanted


def judging() -> AbstractContextManager[None]:
    """The context in which calls go to the judge's model."""
    context: AbstractContextManager[None] = dspy.context(lm=tools().judge_lm)
    return context
