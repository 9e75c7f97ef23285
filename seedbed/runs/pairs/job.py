"""Makes the pairs: for every prompt the best pair of the run, else one with new samples; and the judge's word on it."""

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence

from dspy.utils.exceptions import LMError

from programs.core.background import together
from programs.core.row import digest
from programs.core.verdict import Verdict
from programs.formats.replies import FAILED
from programs.judges.judge import ORDERS_DISAGREE, Pairwise
from seedbed.errors import BudgetReached
from seedbed.models.call_context import Scope
from seedbed.progress import Task
from seedbed.project.session import Session
from seedbed.runs.attempt import LIVE
from seedbed.runs.ending import time_cap
from seedbed.runs.pairs.answers import Answer
from seedbed.runs.pairs.pairing import Pair, best_pair
from seedbed.runs.pairs.sampling import Sampler

NO_WORSE = "no worse answer"
REVERSED, UNREADABLE = "rejected answer preferred", "unreadable verdict"


@dataclasses.dataclass(frozen=True)
class Tried:
    """What came of one prompt. `refusal`: why there is no pair, or why the judge's word drops it. `scope` has its
    calls. `verdict` is None if no judge was asked."""

    scope: Scope
    pair: Pair | None = None
    refusal: str = ""
    verdict: Verdict | None = None

    @property
    def accepted(self) -> bool:
        return not self.refusal


class PairJob:
    """Makes at most one pair for each prompt.

    Args:
        session: open. prompts: for each of them, its answers. margin: as in `best_pair`. sampler: asked for a prompt
        without a pair; None: nobody is. judge: asked about each pair; None: nobody is. heard: called for each prompt.
    """

    def __init__(
        self,
        session: Session,
        prompts: Sequence[Sequence[Answer]],
        margin: float,
        sampler: Sampler | None,
        judge: Pairwise | None,
        heard: Task,
    ) -> None:
        self._session, self._prompts, self._margin = session, prompts, margin
        self._sampler, self._judge, self._heard = sampler, judge, heard
        self._tried = dict[int, Tried]()

    def tried(self) -> Iterator[Tried]:
        """What came of the prompts that are done, in their order."""
        return (self._tried[place] for place in sorted(self._tried))

    @property
    def reached(self) -> bool:
        """Whether every prompt was tried, and some gave a pair."""
        return self.complete and any(tried.accepted for tried in self._tried.values())

    @property
    def complete(self) -> bool:
        return len(self._tried) == len(self._prompts)

    async def work(self) -> str:
        """Try all prompts, or until a cap is reached; returns why it stopped. Prompts that are done stay so."""
        minutes, reached = time_cap(self._session.project.config) or (None, "")
        clock = asyncio.timeout(minutes and 60 * minutes)
        slots = asyncio.Semaphore(LIVE * self._session.lm("teacher").async_engine.concurrency)
        try:
            async with clock:
                await together(self._try(place, slots) for place in range(len(self._prompts)))
        except BudgetReached as cap:
            return str(cap)
        except TimeoutError:
            if not clock.expired():
                raise
            return reached
        return "all prompts were tried"

    async def _try(self, place: int, slots: asyncio.Semaphore) -> None:
        async with slots:
            answers = self._prompts[place]
            row = max((answer for answer in answers if answer.accepted), key=lambda answer: answer.score)
            with self._session.row(), self._session.scope(digest("pairs", row.row)) as scope:
                try:
                    self._tried[place] = await self._pair(row, answers, scope)
                except LMError:
                    self._tried[place] = Tried(scope, refusal=FAILED)
        self._heard()

    async def _pair(self, row: Answer, answers: Sequence[Answer], scope: Scope) -> Tried:
        pair = best_pair(answers, self._margin)
        if pair is None and self._sampler:
            pair = best_pair([*answers, *await self._sampler.answers(row)], self._margin)
        if pair is None:
            return Tried(scope, refusal=NO_WORSE)
        if self._judge is None:
            return Tried(scope, pair)
        chosen, rejected = pair.chosen.candidate, pair.rejected.candidate
        verdict = await self._judge.acall(
            prompt=chosen.prompt, a=chosen.response, b=rejected.response, document=chosen.document
        )
        return Tried(scope, pair, _refusal(verdict), verdict)


def _refusal(verdict: Verdict) -> str:
    """Why a verdict drops a pair; empty where both orders prefer the chosen answer. 0.5 stands for two orders that
    disagree, and for a judge to whom both answers are alike."""
    if verdict.score is None:
        return UNREADABLE
    return "" if verdict.score > 0.5 else ORDERS_DISAGREE if verdict.score == 0.5 else REVERSED
