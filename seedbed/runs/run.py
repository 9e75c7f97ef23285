"""`seedbed run`: makes candidates in parallel and commits them in order, up to N accepted rows or a limit."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from metrics.metric import Metric
from programs.core.row import digest
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.models import ModelEntry
from seedbed.errors import BudgetReached
from seedbed.models.prices import in_use, price
from seedbed.progress import Progress
from seedbed.project.session import Session
from seedbed.runs.attempt import Attempts
from seedbed.runs.commit import ABSENT, Commit
from seedbed.runs.ending import time_cap
from seedbed.runs.futility import Futility, most_empty
from seedbed.runs.outcome import Outcome
from seedbed.runs.record.live import Live
from seedbed.runs.record.provenance import provenance
from seedbed.runs.schedule import Schedule


class Run:
    """One run into a folder. `await work()`, then `finish()` writes the remaining rows and closes the shards.

    Attributes:
        commit: the rows so far. complete: whether the run reached its goal, its last source or its last candidate.
    """

    def __init__(
        self,
        session: Session,
        cascade: Sequence[TeacherProgram],
        metric: Metric,
        out: Path,
        progress: Progress,
        make_attempts: Callable[[Session, Sequence[TeacherProgram], Metric, str], Attempts] = Attempts,
    ) -> None:
        self.session, self.cascade, self.metric, self.progress = session, cascade, metric, progress
        self.project, self.goal = session.project, session.project.config.run.rows
        feed, self.setup = self.project.feed(embed=session.embed), self._setup()
        session.journal.describe(self.setup, provenance(self.project, cascade, metric))
        self._attempts = make_attempts(session, cascade, metric, self.setup)
        self.commit = Commit(session, cascade, feed, out)
        self._futility = Futility(None if session.offline else most_empty(cascade, self.project.config.run))
        self._schedule = Schedule(
            session, feed, self._attempts, self.commit.counts, self._futility, on_call=self._start_clock
        )
        self._failed, self._started = list[Outcome](), time.monotonic()
        self._time_cap = time_cap(self.project.config)
        self._clock: asyncio.Timeout | None = None
        self._live = Live(out)
        self._dry = False

    async def work(self) -> str:
        """Run until done; returns why it stopped. If cancelled, only calls in flight are lost."""
        clock = self._clock = asyncio.timeout(None)
        try:
            async with clock:
                return await self._work()
        except BudgetReached as cap:
            return str(cap)
        except TimeoutError:
            if not clock.expired() or not self._time_cap:
                raise
            return self._time_cap[1]
        finally:
            await self._schedule.aclose()
            await self._attempts.aclose()
            if self.reached:
                await self._attempts.settle(self._failed)

    def finish(self) -> bool:
        """Write the remaining rows. Returns whether the folder now holds the rows of this invocation, not of an earlier
        one."""
        return self.commit.shards.finish(complete=self.complete)

    @property
    def reached(self) -> bool:
        return self.commit.counts.accepted >= self.goal

    @property
    def complete(self) -> bool:
        return self._dry or self.commit.end is not None

    async def _work(self) -> str:
        bar, counts = self.progress.bar("rows", self.goal), self.commit.counts
        while next_outcome := await self._schedule.next():
            position, outcome = next_outcome
            committed = await self.commit.take(position, outcome)
            if not counts.absent:
                self._futility.see(outcome)
                self._failed += [outcome] if outcome.failed else []
            self._schedule.committed(outcome, committed)
            self.progress.show(bar, counts.accepted, self._note())
            if self._live.is_due():
                self._live.show(self._state())
            if reason := self.commit.end or self._replayed() or self._futility.verdict:
                return reason
        self._dry = True
        return f"the feed is dry after {counts.candidates} candidates"

    def _replayed(self) -> str | None:
        """Why a replay ends: more sources in a row have no outcome in the journal than a run may be ahead."""
        counts = self.commit.counts
        if counts.absent <= self._schedule.ahead:
            return None
        counts.reasons.subtract({ABSENT: counts.absent})  # the original run did not get this far
        return "the journal holds no more"

    def _start_clock(self) -> None:
        """Start the time limit at the first new source: remembered outcomes, which come first, do not count."""
        if self._time_cap and self._clock and self._clock.when() is None:
            self._clock.reschedule(asyncio.get_running_loop().time() + 60 * self._time_cap[0])

    def _note(self) -> str:
        counts = self.commit.counts
        worst = ", ".join(f"{reason} {count}" for reason, count in counts.reasons.most_common(3))
        rate = counts.candidates / (time.monotonic() - self._started)
        return f"{counts.candidates} candidates, {rate:.1f}/s" + (f" ({worst})" if worst else "")

    def _state(self) -> dict[str, Any]:
        """How far the run is, for whoever watches it from outside."""
        counts = self.commit.counts
        return {
            "rows": self.goal,
            "accepted": counts.accepted,
            "candidates": counts.candidates,
            "rejected": dict(counts.reasons.most_common()),
            "teachers": {alias: dataclasses.asdict(record) for alias, record in counts.teachers.items()},
            "seconds": round(time.monotonic() - self._started, 1),
        }

    def _setup(self) -> str:
        """A digest of everything that an outcome depends on besides its source. Limits of speed are left out."""
        config, session = self.project.config, self.session
        stand_ins = [alias for alias in (config.fallback.teacher, config.fallback.judge) if alias]
        members = [(role, alias) for role, alias in config.roles.bound() if role in ("panel", "student", "weak")]
        return digest(
            self.metric.hash,
            self.project.options.model_dump_json(),
            *(session.models.lm(member.teacher).async_engine.identity for member in self.cascade),
            session.identity("judge"),
            *(member.carried["program"] for member in self.cascade),
            *(_reply_settings(alias, config.models[alias]) for alias in in_use(config)),
            (config.embedder, config.fallback),
            *(session.models.lm(alias).async_engine.identity for alias in stand_ins),
            *((*member, session.member(*member).lm.async_engine.identity) for member in members),
        )


def _reply_settings(alias: str, entry: ModelEntry) -> tuple[object, ...]:
    """The settings of a model on which its replies and their cost depend."""
    options = entry.temperature, entry.max_tokens, entry.logprobs, entry.completions, entry.schema_enforced
    return alias, *options, price(entry)
