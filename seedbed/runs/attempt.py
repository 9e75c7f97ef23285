"""Attempts: teachers try a source one after the other until a candidate passes the gate."""

import dataclasses
import json
from collections.abc import Sequence
from typing import cast

import dspy
from dspy.utils.exceptions import LMError

from metrics.citation import Span, citations
from metrics.metric import Metric
from metrics.worth import Worth
from optimize.scoring import Scored, score_source
from programs.core.row import Candidate, Drop, Source, digest
from programs.core.tools import using
from programs.formats.replies import FAILED
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.models.call_context import Scope
from seedbed.project.session import OpenModels, Session
from seedbed.runs.outcome import KeptOutcome, Outcome, Try, kept_calls, kept_row

LIVE = 2  # sources at work for each call that may be in flight, so that no call waits for scoring


class Trials:
    """Tries sources, in this process or in a worker.

    Args:
        models: opened. cascade: the teachers, in this order. metric: the gate.
    """

    def __init__(self, models: OpenModels, cascade: Sequence[TeacherProgram], metric: Metric) -> None:
        self.models, self.cascade, self.metric = models, cascade, metric
        self._fallback = models.project.config.fallback.teacher

    async def tried(self, id: str, source: Source) -> tuple[Outcome, KeptOutcome]:
        """The outcome, and its record for the journal. Raises the errors that stop a run: TeacherDown, BudgetReached,
        UserError."""
        outcome, scopes = Outcome(id, []), list[Scope]()
        for member in self.cascade:
            with self.models.row(), self.models.scope(outcome.id, source.draw) as scope:
                attempt, failed = await self._try(member, source, scope)
            outcome.tries.append(attempt)
            outcome.failed = (outcome.failed or failed) and not outcome.passed
            scopes.append(scope)
            if outcome.passed:
                break
        tallies = [tally for scope in scopes for tally in scope.tallies.values()]
        outcome.paid = outcome.failed or any(tally.calls > tally.replayed for tally in tallies)
        return outcome, await self._record(outcome, scopes)

    async def _try(self, member: TeacherProgram, source: Source, scope: Scope) -> tuple[Try, bool]:
        """The teacher's candidates, and whether one of its calls finally failed."""
        lm = self.models.models.lm(member.teacher, self._fallback)
        try:
            with dspy.context(lm=lm), using(draw=source.draw):
                scored, failed = await score_source(member.program, source, self.metric), False
        except LMError as error:
            drop = Drop(step="teacher", reason=FAILED, detail=str(error).splitlines()[0])
            scored, failed = [Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))], True
        dollars, stood_in = self.models.cost(scope.tallies), sorted(scope.stood_in)
        return Try(member.teacher, scored, *scope.tokens(), dollars, stood_in), failed

    async def _record(self, outcome: Outcome, scopes: Sequence[Scope]) -> KeptOutcome:
        return KeptOutcome(
            tries=[attempt.record for attempt in outcome.tries],
            calls=kept_calls(outcome, scopes),
            scored=[
                kept_row(scored, await self._cites(scored)) for attempt in outcome.tries for scored in attempt.scored
            ],
        )

    async def _cites(self, scored: Scored) -> Sequence[Span]:
        """The sentences that support a row, if it has evidence: then they are already embedded."""
        return await citations(self.models.embed, scored.candidate) if scored.worth.parts else []


class Attempts:
    """A run's outcomes: made by `Trials`, or read from the journal.

    Args:
        cascade: the teachers, in this order. setup: a digest of everything that an outcome depends on.

    `slots` is the number of calls that may be in flight.
    """

    def __init__(self, session: Session, cascade: Sequence[TeacherProgram], metric: Metric, setup: str) -> None:
        self.session, self.cascade, self.metric, self.setup = session, cascade, metric, setup
        self.slots = sum(session.models.lm(member.teacher).async_engine.concurrency for member in cascade)
        self._trials, self._seed = Trials(session, cascade, metric), session.project.config.run.random_seed
        self._failed = dict[str, KeptOutcome]()

    def id(self, position: int, source: Source) -> str:
        """The journal's name for the attempt at a position."""
        return digest(self._seed, source.id, source.draw, position, json.dumps(source.inputs, sort_keys=True))

    def remembered(self, position: int, source: Source) -> Outcome | None:
        """The outcome, if the journal has it."""
        id = self.id(position, source)
        record = cast("KeptOutcome | None", self.session.journal.outcome(self.setup, id))
        return dataclasses.replace(self.read(id, source, record), paid=False) if record else None

    async def make(self, position: int, source: Source) -> Outcome:
        """Ask, score, and store the outcome. Raises the errors that stop a run: TeacherDown, BudgetReached,
        UserError."""
        outcome, record = await self.tried(self.id(position, source), source)
        if outcome.failed:
            self._failed[outcome.id] = record
        else:
            await self.session.journal.record(self.setup, outcome.id, record)
        return outcome

    async def tried(self, id: str, source: Source) -> tuple[Outcome, KeptOutcome]:
        """The outcome of a source that has none in the journal, and its record."""
        return await self._trials.tried(id, source)

    async def settle(self, failures: Sequence[Outcome]) -> None:
        """Store these failures too: the dataset has all its rows and must not change."""
        for outcome in failures:
            if record := self._failed.get(outcome.id):
                await self.session.journal.record(self.setup, outcome.id, record)

    async def aclose(self) -> None:
        """Nothing to close: the session owns all that is open."""

    def read(self, id: str, source: Source, record: KeptOutcome) -> Outcome:
        """The outcome from its record."""
        return Outcome.read(id, source, record, {member.teacher: member.program.row for member in self.cascade})
