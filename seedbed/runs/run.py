"""`seedbed run`: candidates in parallel, committed in order, until there are N accepted rows or a limit is met."""

import asyncio
import collections
import dataclasses
import functools
import heapq
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from metrics.diversity import Sample
from metrics.metric import Metric
from optimize.scoring import Scored
from programs.core.candidate import Candidate, Drop, Source, digest
from programs.core.embedding import ahead
from programs.formats.replies import EMPTY, FAILED
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.errors import BudgetReached
from seedbed.models.prices import in_use, price
from seedbed.progress import Progress
from seedbed.project.session import Session
from seedbed.runs.attempt import LIVE, Attempts, Outcome, Record
from seedbed.runs.dedup.contamination import Contamination
from seedbed.runs.dedup.duplicates import Duplicates
from seedbed.runs.futility import Futility, most_empty
from seedbed.runs.provenance import provenance
from seedbed.storage.run_shards import RunShards
from seedbed.storage.shards import rejected, row

AHEAD = 8  # sources, for each call that may be in flight, that a slow one may hold up: done, and waiting for its turn
ABSENT = "not in the journal"
SHOWN = 3  # rows that are shown at the end


class Run:
    """One run into a folder. `await work()`, then `finish()` writes what is left and closes the shards.

    Order is by position, never by who is done first: outcomes wait for their turn, near duplicates are looked for
    and rows are accepted in that order, so an interrupted run and an uninterrupted one give the same rows.
    """

    def __init__(
        self,
        session: Session,
        cascade: Sequence[TeacherProgram],
        metric: Metric,
        out: Path,
        progress: Progress,
        makes: Callable[[Session, Sequence[TeacherProgram], Metric, str], Attempts] = Attempts,
    ) -> None:
        self.session, self.cascade, self.metric, self.progress = session, cascade, metric, progress
        self.project, self.out, self.limits = session.project, out, session.project.config.run
        gates = self.project.config.gates
        self.feed, self.goal = self.project.feed(), self.limits.rows
        self.accepted, self.candidates, self.sources = 0, 0, 0
        self.reasons: collections.Counter[str] = collections.Counter()
        self.words = dict[str, str]()  # of a reason that lies with the model, what was said first
        self.unscored: collections.Counter[str] = collections.Counter()
        self.stood_in: collections.Counter[str] = collections.Counter()  # accepted rows, by who answered for another
        self.teachers = {member.teacher: Record() for member in cascade}
        self.samples: list[dict[str, Any]] = []  # the best rows, the best first
        self.content = digest()  # of the rows so far, in order
        leaves = [seed.group for seed in self.project.seeds] if self.project.recipe.takes == "leaves" else []
        self.sample = Sample(self.project.sources, leaves)
        setup = self._setup()
        session.journal.describe(setup, provenance(self.project, cascade, metric))
        self.attempts = makes(session, cascade, metric, setup)
        self._carried = {member.teacher: member.carried for member in cascade}
        self.complete = False  # whether it came to its end: the goal, the last source, or the last candidate
        self._started = time.monotonic()
        self._clock: asyncio.Timeout | None = None
        self.shards = RunShards(out, self.limits.shards, cascade[0].program.row, session.owner)
        self._heard: collections.deque[tuple[int, Candidate]] = collections.deque()
        self._cosine = gates.near_duplicate_cosine
        self._duplicates = Duplicates(gates.near_duplicate, cosine=self._cosine, embed=session.embed)
        self._contamination = Contamination(gates.test_sets, self.project.base)
        self._live, self._ahead = LIVE * self.attempts.slots, AHEAD * self.attempts.slots
        if self.feed.listens:
            self._ahead = min(self._ahead, self.limits.lag)
        self._tasks: dict[int, asyncio.Future[Outcome]] = {}
        self._position, self._dry, self._over = 0, False, False
        self._working, self._passed = 0, 0  # sources at work; candidates through the gate that wait for their turn
        self._made, self._room = 0, session.ledger.room
        self._failed: list[Outcome] = []
        self._futility = Futility(None if session.offline else most_empty(cascade, self.limits))
        self._absent = 0  # sources in a row that a replay does not find in the journal

    async def work(self) -> str:
        """Run until done; returns why it stopped. Cancelling it loses calls in flight at most."""
        bar, clock = self.progress.bar("rows", self.goal), asyncio.timeout(None)
        self._clock = clock
        try:
            async with clock:
                while True:
                    self._launch()
                    if self._position not in self._tasks:
                        self.complete = True
                        return f"the feed is dry after {self.candidates} candidates"
                    outcome = await self._tasks[self._position]
                    await self._commit(outcome)
                    self._passed -= outcome.passed
                    del self._tasks[self._position]
                    self._position += 1
                    self.progress.show(bar, self.accepted, self._note())
                    if why := self._done() or self._futility.verdict:
                        return why
        except BudgetReached as reached:
            return str(reached)
        except TimeoutError:
            if not clock.expired():
                raise
            return self._out_of_time()
        finally:
            self._over = True  # a source that ends now begins no other
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self.attempts.aclose()
            if self.accepted >= self.goal:
                await self.attempts.settle(self._failed)

    def finish(self) -> bool:
        """Write the rows not yet written; whether the folder now holds this invocation's, not an earlier one's."""
        return self.shards.finish(complete=self.complete)

    def _launch(self) -> None:
        """Begin what may be begun: never more at work, or further ahead of the order, than is of use."""
        while self._wanted() and (source := self._take(place := self._position + len(self._tasks))):
            if known := self.attempts.remembered(place, source):
                self._tasks[place] = done = asyncio.get_running_loop().create_future()
                done.set_result(known)
                self._passed += known.passed
                return  # what is remembered costs nothing: see first whether it is enough
            self._start_clock()
            task = self._tasks[place] = asyncio.ensure_future(self.attempts.make(place, source))
            task.add_done_callback(self._ended)
            self._working += 1

    def _ended(self, task: asyncio.Future[Outcome]) -> None:
        self._working -= 1
        if not (task.cancelled() or task.exception()):
            self._made += 1
            self._passed += task.result().passed
            if not self._over:
                self._launch()

    def _wanted(self) -> bool:
        """Whether another source is needed now: at the end of a run no more are begun than the rows still missing
        are likely to take, for every call of theirs would be paid for nothing."""
        live = self._working
        if not self._tasks:
            return True
        if not (self._passed or self.session.book or self._futility.room(len(self._tasks))):
            return False  # a wave of a batch, for which a day is waited, is not made smaller for it
        if self._dry or live >= self._live or len(self._tasks) >= self._ahead or not self._affordable(live):
            return False
        rate = (self.accepted + 1) / (self.sources + 1)  # accepted rows a source; one until there is more to go by
        missing = self.goal - self.accepted - self._passed
        room = self.limits.candidates - self.candidates - len(self._tasks)
        return room > 0 and live * rate < missing

    def _affordable(self, live: int) -> bool:
        """Whether what the caps leave would see one more source to its end, by what those of this invocation took.

        For what is spent on sources that come to no end is spent in vain. Never more are at work than have ended, and
        one: until the first has, nobody knows what a source takes. In batch mode that would cost a day for each
        doubling, so there the first ones all begin, as long as there is room.
        """
        if (room := self.session.ledger.room) is None or self._room is None or not live:
            return True
        if self.session.book and not self._made:
            return room > 0
        known = self.session.book is not None or live <= self._made
        return known and (live + 1) * (self._room - room) <= room * self._made

    def _take(self, position: int) -> Source | None:
        """The feed's source, after it has heard of exactly the rows accepted up to a lag before."""
        while self._heard and self._heard[0][0] <= position - self.limits.lag:
            self.feed.hear(self._heard.popleft()[1])
        source: Source | None = self.feed.take(position)
        self._dry = source is None
        return source

    async def _commit(self, outcome: Outcome) -> None:
        self.sources += 1
        if self.session.offline and outcome.failed:  # it came to no end in the run that is made again either
            self._absent += 1
            self.reasons[ABSENT] += 1
            return
        self._absent = 0
        self._futility.see(outcome)
        if outcome.failed:
            self._failed.append(outcome)
        for one in outcome.tries:
            carried = self._carried[one.teacher] | {"attempt": outcome.id} | one.share
            self.teachers[one.teacher].add(one)
            for index, scored in enumerate(one.scored):
                if self._done():
                    return
                self.candidates += 1
                self.unscored.update(scored.worth.unscored)
                if self._cosine and scored.accepted:
                    await ahead(self.session.embed, [scored.candidate.topic])  # off the loop; it is remembered
                if drop := self._refusal(scored):
                    await self._reject(f"{one.teacher} {index}", scored, drop, carried)
                else:
                    await self._accept(scored, carried)
                    self.teachers[one.teacher].accepted += 1

    def _refusal(self, scored: Scored) -> Drop | None:
        return (
            scored.worth.drop
            or self._contamination.refusal(scored.candidate)
            or self._duplicates.refusal(scored.candidate)
            or self.feed.admit(scored.candidate)
        )

    async def _reject(self, place: str, scored: Scored, drop: Drop, carried: dict[str, Any]) -> None:
        self.reasons[drop.reason] += 1
        if drop.reason in (EMPTY, FAILED):
            self.words.setdefault(drop.reason, drop.detail[:200])
        worth = scored.worth.model_copy(update={"drop": drop})
        id = digest(self._position, place, scored.source.id)
        await self.shards.reject(rejected(id, dataclasses.replace(scored, worth=worth), carried))

    async def _accept(self, scored: Scored, carried: dict[str, Any]) -> None:
        self.accepted += 1
        self.stood_in.update(carried["stood_in"])
        self._duplicates.remember(scored.candidate)
        if self.feed.listens:
            self._heard.append((self._position, scored.candidate))
        self.sample.add(scored.candidate, scored.source)
        made = row(scored, carried)
        held_out = self.project.divides and self.project.is_held_out(scored.source.group)
        await self.shards.accept(made, "validation" if held_out else "train")
        self.content = digest(self.content, made["id"])
        self.samples = heapq.nlargest(SHOWN, [*self.samples, made], key=itemgetter("score"))

    def _done(self) -> str | None:
        if self.accepted >= self.goal:
            self.complete = True
            return f"{self.goal} rows are accepted"
        if self._absent > self._ahead:  # further than any run is ahead of the order
            self.reasons.subtract({ABSENT: self._absent})  # nobody had come so far
            return "the journal holds no more"
        if self.candidates >= self.limits.candidates:
            self.complete = True
            return f"run.max_candidates: {self.limits.candidates} is reached"
        return None

    def _start_clock(self) -> None:
        """The minutes of an invocation are those of its own work: what is remembered is committed first."""
        if self._minutes and self._clock and self._clock.when() is None:
            self._clock.reschedule(asyncio.get_running_loop().time() + 60 * self._minutes[0])

    def _out_of_time(self) -> str:
        assert self._minutes
        most, section = self._minutes
        return f"{section}.max_minutes: {most:g} is reached"

    @functools.cached_property
    def _minutes(self) -> tuple[float, str] | None:
        """The shorter of the caps on time, and the section of the config that sets it."""
        caps = [(self.limits.max_minutes, "run"), (self.project.config.budget.max_minutes, "budget")]
        return min(((most, section) for most, section in caps if most), key=itemgetter(0), default=None)

    def _note(self) -> str:
        worst = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(3))
        rate = self.candidates / (time.monotonic() - self._started)
        return f"{self.candidates} candidates, {rate:.1f}/s" + (f" ({worst})" if worst else "")

    def _setup(self) -> str:
        """All that an outcome depends on beside its source; not how fast it was asked for."""
        config, session = self.project.config, self.session
        models = [(alias, config.models[alias]) for alias in in_use(config)]
        stand_ins = [alias for alias in (config.fallback.teacher, config.fallback.judge) if alias]
        return digest(
            self.metric.hash,
            *(session.models.lm(member.teacher).async_engine.identity for member in self.cascade),
            session.identity("judge"),
            *(member.carried["program"] for member in self.cascade),
            *(
                (alias, one.temperature, one.max_tokens, one.logprobs, one.completions, one.schema_enforced, price(one))
                for alias, one in models
            ),
            (config.embedder, config.fallback),
            *(session.models.lm(alias).async_engine.identity for alias in stand_ins),
        )
