"""Attempts: what one source gives, tried by one teacher after the other until something passes the gate."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from metrics.citation import Span, citations
from metrics.metric import Metric
from metrics.worth import Worth
from optimize.scoring import Scored, score_source
from programs.core.candidate import Candidate, Drop, Source, digest
from programs.formats.replies import FAILED
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.models.registry import SAMPLED
from seedbed.project.session import Session
from seedbed.storage.journal import Scope

LIVE = 2  # sources at work for each call that may be in flight, so that none of these waits for scoring


@dataclasses.dataclass
class Try:
    """What one teacher made of a source, and what that took; `dollars` is None where a price is unknown. `stood_in`
    are the models that answered where the teacher or a judge failed."""

    teacher: str
    scored: list[Scored]
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = 0.0
    stood_in: Sequence[str] = ()

    @property
    def share(self) -> dict[str, Any]:
        """What each of its candidates took, and of whom."""
        n = max(len(self.scored), 1)
        dollars = None if self.dollars is None else self.dollars / n
        tokens = {"input_tokens": self.input_tokens // n, "output_tokens": self.output_tokens // n}
        return {**tokens, "dollars": dollars, "stood_in": [*self.stood_in]}


@dataclasses.dataclass
class Record:
    """What a teacher of the cascade tried, made and cost; `dollars` is None where its price is unknown."""

    sources: int = 0
    accepted: int = 0
    dollars: float | None = 0.0

    def add(self, one: Try) -> None:
        """One more source."""
        self.sources += 1
        self.dollars = None if self.dollars is None or one.dollars is None else self.dollars + one.dollars


@dataclasses.dataclass
class Outcome:
    """What became of one source, by its id in the journal. `failed` where a call did not come through: a later
    invocation may do better, so it is kept only once the dataset has all its rows. `kept`: as the journal has it.
    `paid`: whether it took a call of this invocation."""

    id: str
    tries: list[Try]
    failed: bool = False
    kept: dict[str, Any] | None = None
    paid: bool = True

    @property
    def passed(self) -> int:
        """Candidates that the gate let through."""
        return sum(scored.accepted for one in self.tries for scored in one.scored)


class Attempts:
    """Makes outcomes, or remembers them from the journal.

    Args:
        cascade: the teachers in the order they are tried. setup: everything an outcome depends on, as a digest.

    `slots` are the calls that may be in flight.
    """

    def __init__(self, session: Session, cascade: Sequence[TeacherProgram], metric: Metric, setup: str) -> None:
        self.session, self.cascade, self.metric, self.setup = session, cascade, metric, setup
        self.slots = sum(session.models.lm(member.teacher).async_engine.concurrency for member in cascade)
        self._seed, self._fallback = session.project.config.run.random_seed, session.project.config.fallback.teacher

    def id(self, position: int, source: Source) -> str:
        """The journal's name for the attempt at a position."""
        return digest(self._seed, source.id, source.draw, position, json.dumps(source.inputs, sort_keys=True))

    def remembered(self, position: int, source: Source) -> Outcome | None:
        """The outcome, if the journal has it."""
        id = self.id(position, source)
        kept = self.session.journal.outcome(self.setup, id)
        return dataclasses.replace(self.read(id, source, kept), paid=False) if kept else None

    async def make(self, position: int, source: Source) -> Outcome:
        """Ask, score, and keep what came of it. Raises what stops a run: TeacherDown, BudgetReached, UserError."""
        outcome, kept = await self.tried(self.id(position, source), source)
        if outcome.failed:
            outcome.kept = kept
        else:
            await self.session.journal.record(self.setup, outcome.id, kept)
        return outcome

    async def settle(self, failures: Sequence[Outcome]) -> None:
        """Keep these failures too, which are part of a dataset that has all its rows and shall not change."""
        for outcome in failures:
            if outcome.kept:
                await self.session.journal.record(self.setup, outcome.id, outcome.kept)

    async def aclose(self) -> None:
        """Nothing is held here that was not before."""

    async def tried(self, id: str, source: Source) -> tuple[Outcome, dict[str, Any]]:
        """The outcome, and the same as the journal keeps it."""
        outcome, scopes = Outcome(id, []), list[Scope]()
        for member in self.cascade:
            with self.session.row(), self.session.scope(outcome.id, source.draw) as scope:
                made, failed = await self._try(member, source, scope)
            outcome.tries.append(made)
            outcome.failed = (outcome.failed or failed) and not outcome.passed
            scopes.append(scope)
            if outcome.passed:
                break
        tallies = [tally for scope in scopes for tally in scope.tallies.values()]
        outcome.paid = outcome.failed or any(tally.calls > tally.replayed for tally in tallies)
        return outcome, await self._kept(outcome, scopes)

    def read(self, id: str, source: Source, kept: dict[str, Any], *, failed: bool = False) -> Outcome:
        """The outcome that was kept so."""
        kinds, scored = {member.teacher: member.program.row for member in self.cascade}, iter(kept["scored"])
        tries = [
            Try(teacher, [_scored(source, next(scored), kinds[teacher]) for _ in range(n)], *spent)
            for teacher, n, *spent in kept["tries"]
        ]
        return Outcome(id, tries, failed)

    async def _try(self, member: TeacherProgram, source: Source, scope: Scope) -> tuple[Try, bool]:
        """What the teacher made of it, and whether a call of it failed for good."""
        lm = self.session.models.lm(member.teacher, self._fallback)
        if source.draw:
            lm = lm.copy(temperature=max(SAMPLED, lm.kwargs.get("temperature") or 0.0))
        try:
            with dspy.context(lm=lm):
                scored, failed = await score_source(member.program, source, self.metric), False
        except LMError as error:
            drop = Drop(step="teacher", reason=FAILED, detail=str(error).splitlines()[0])
            scored, failed = [Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))], True
        dollars, stood_in = self.session.cost(scope.tallies), sorted(scope.stood_in)
        return Try(member.teacher, scored, *scope.tokens(), dollars, stood_in), failed

    async def _kept(self, outcome: Outcome, scopes: Sequence[Scope]) -> dict[str, Any]:
        return {
            "tries": [
                [one.teacher, len(one.scored), one.input_tokens, one.output_tokens, one.dollars, one.stood_in]
                for one in outcome.tries
            ],
            "calls": [call for scope in scopes for call in zip(scope.keys, scope.asked, strict=True)],
            "scored": [
                {
                    "candidate": one.candidate.model_dump(mode="json"),
                    "worth": one.worth.model_dump(mode="json"),
                    "cites": await self._cites(one),
                }
                for tried in outcome.tries
                for one in tried.scored
            ],
        }

    async def _cites(self, scored: Scored) -> Sequence[Span]:
        """The sentences behind a row that got as far as evidence, for which they were embedded already."""
        return await citations(self.session.embed, scored.candidate) if scored.worth.parts else []


def _scored(source: Source, one: dict[str, Any], kind: type[Candidate]) -> Scored:
    filled = one["candidate"].keys() - {"dropped"}  # a candidate of no kind stands for what was not made
    candidate = (kind if filled else Candidate).model_validate(one["candidate"])
    return Scored(source, candidate, Worth.model_validate(one["worth"]))
