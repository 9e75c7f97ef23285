"""Attempts: a source is tried by one teacher after the other until something passes the gate."""

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
from programs.core.candidate import Candidate, Drop, Source, digest
from programs.formats.replies import FAILED
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.models.call_context import Scope
from seedbed.models.registry import SAMPLED
from seedbed.project.session import OpenModels, Session
from seedbed.runs.outcome import KeptOutcome, Outcome, Try, kept_row

LIVE = 2  # sources at work for each call that may be in flight, so that none of these waits for scoring


class Trials:
    """Tries sources, wherever that is done: here, or at a worker.

    Args:
        models: opened. cascade: the teachers in the order they are tried. metric: the gate.
    """

    def __init__(self, models: OpenModels, cascade: Sequence[TeacherProgram], metric: Metric) -> None:
        self.models, self.cascade, self.metric = models, cascade, metric
        self._fallback = models.project.config.fallback.teacher

    async def tried(self, id: str, source: Source) -> tuple[Outcome, KeptOutcome]:
        """The outcome, and the same as the journal keeps it. Raises what stops a run: TeacherDown, BudgetReached,
        UserError."""
        outcome, scopes = Outcome(id, []), list[Scope]()
        for member in self.cascade:
            with self.models.row(), self.models.scope(outcome.id, source.draw) as scope:
                made, failed = await self._try(member, source, scope)
            outcome.tries.append(made)
            outcome.failed = (outcome.failed or failed) and not outcome.passed
            scopes.append(scope)
            if outcome.passed:
                break
        tallies = [tally for scope in scopes for tally in scope.tallies.values()]
        outcome.paid = outcome.failed or any(tally.calls > tally.replayed for tally in tallies)
        return outcome, await self._kept(outcome, scopes)

    async def _try(self, member: TeacherProgram, source: Source, scope: Scope) -> tuple[Try, bool]:
        """What the teacher made of it, and whether a call of it failed for good."""
        lm = self.models.models.lm(member.teacher, self._fallback)
        if source.draw:
            lm = lm.copy(temperature=max(SAMPLED, lm.kwargs.get("temperature") or 0.0))
        try:
            with dspy.context(lm=lm):
                scored, failed = await score_source(member.program, source, self.metric), False
        except LMError as error:
            drop = Drop(step="teacher", reason=FAILED, detail=str(error).splitlines()[0])
            scored, failed = [Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))], True
        dollars, stood_in = self.models.cost(scope.tallies), sorted(scope.stood_in)
        return Try(member.teacher, scored, *scope.tokens(), dollars, stood_in), failed

    async def _kept(self, outcome: Outcome, scopes: Sequence[Scope]) -> KeptOutcome:
        return KeptOutcome(
            tries=[attempt.kept for attempt in outcome.tries],
            calls=[call for scope in scopes for call in zip(scope.keys, scope.signatures, strict=True)],
            scored=[
                kept_row(scored, await self._cites(scored)) for attempt in outcome.tries for scored in attempt.scored
            ],
        )

    async def _cites(self, scored: Scored) -> Sequence[Span]:
        """The sentences behind a row that got as far as evidence, for which they were embedded already."""
        return await citations(self.models.embed, scored.candidate) if scored.worth.parts else []


class Attempts:
    """A run's outcomes: made by `Trials`, or remembered from the journal.

    Args:
        cascade: the teachers in the order they are tried. setup: everything an outcome depends on, as a digest.

    `slots` are the calls that may be in flight.
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
        kept = cast("KeptOutcome | None", self.session.journal.outcome(self.setup, id))
        return dataclasses.replace(self.read(id, source, kept), paid=False) if kept else None

    async def make(self, position: int, source: Source) -> Outcome:
        """Ask, score, and keep what came of it. Raises what stops a run: TeacherDown, BudgetReached, UserError."""
        outcome, kept = await self.tried(self.id(position, source), source)
        if outcome.failed:
            self._failed[outcome.id] = kept
        else:
            await self.session.journal.record(self.setup, outcome.id, kept)
        return outcome

    async def tried(self, id: str, source: Source) -> tuple[Outcome, KeptOutcome]:
        """The outcome of a source that the journal has none of, and the same as the journal keeps it."""
        return await self._trials.tried(id, source)

    async def settle(self, failures: Sequence[Outcome]) -> None:
        """Keep these failures too, which are part of a dataset that has all its rows and shall not change."""
        for outcome in failures:
            if kept := self._failed.get(outcome.id):
                await self.session.journal.record(self.setup, outcome.id, kept)

    async def aclose(self) -> None:
        """Nothing is held here that was not before."""

    def read(self, id: str, source: Source, kept: KeptOutcome) -> Outcome:
        """The outcome that was kept so."""
        return Outcome.read(id, source, kept, {member.teacher: member.program.row for member in self.cascade})
