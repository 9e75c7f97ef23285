"""A rater: one question with a verdict, which the judge's model gives directly or after a reason."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.core.background import run_sync, together
from programs.core.row import digest
from programs.core.step import Step
from programs.core.tools import tools
from programs.core.verdict import Verdict
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


class Rater(dspy.Module):
    """One question with a verdict, asked of the judges' model (`Tools.judge_lm`).

    Args:
        signature: its last output field is the decision; a field before it may be the reason. levels: the decision's
        values, each with its score in [0, 1].

    With `samples` above 1, it asks that often, sampled, and takes the mean. If the model's endpoint returns
    log-probabilities (`lm.logprobs` alternatives per token), a reply's score is the expected score over the levels.
    A judge is marked as compiled, so no optimizer of a recipe rewrites the judge that scores it.
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
        """A digest of what its verdicts depend on besides the model: prompts, formats, demos, rules and samples."""
        return digest(json.dumps(self.dump_state(), sort_keys=True, default=str))

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The steps' states, and the number of samples."""
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
        """The mean of the readable samples, with the reason nearest to it; unscored if none is readable."""
        with judging():
            draws = range(1, self.samples + 1) if self.samples > 1 else [0]
            verdicts = await together(self._reply(inputs, draw) for draw in draws)
        scored = [(verdict.score, verdict.reason) for verdict in verdicts if verdict.score is not None]
        if not scored:
            return verdicts[0]
        mean = sum(score for score, _ in scored) / len(scored)
        return Verdict(score=mean, reason=min(scored, key=lambda pair: abs(pair[0] - mean))[1])

    async def _reply(self, inputs: dict[str, str], draw: int) -> Verdict:
        try:
            reply = await self.judge.acall(config=self._config(dspy.settings.lm, draw), **inputs)
        except AdapterParseError as error:
            drop = dropped("judge", error)
            return Verdict(score=None, reason=f"{_UNREAD[drop.reason]}: {drop.detail[:200]}")
        *reasons, decides = self.judge.signature.output_fields
        expected = expected_score(reply.get("logprobs"), decides, reply[decides], self.levels, alone=not reasons)
        score = self.levels[reply[decides]] if expected is None else expected
        return Verdict(score=score, reason=reply[reasons[0]] if reasons else f"{reply[decides]} ({score:.2f})")

    def _config(self, lm: Any, draw: int) -> dict[str, Any]:
        """The options of one reply. Draw 0 has the model's settings; other draws are sampled, each with its own number.
        A reply of only the decision has one token."""
        top = getattr(lm, "logprobs", 0)
        config = {"logprobs": True, "top_logprobs": top} if top else {}
        if self.judge.format == "plain":
            config["max_tokens"] = 1
        if draw:
            config |= {"rollout_id": draw, "temperature": max(SAMPLED, lm.kwargs.get("temperature") or 0.0)}
        return config


def judging() -> AbstractContextManager[None]:
    """The context in which calls go to the judge's model."""
    context: AbstractContextManager[None] = dspy.context(lm=tools().judge_lm)
    return context
