"""Decides which sources a run begins, and when: in the order of the feed, as many at once as are useful."""

import asyncio
from collections.abc import Callable

from programs.core.feed import Feed, OrderedFeed
from programs.core.row import Source
from seedbed.project.session import Session
from seedbed.runs.attempt import LIVE, Attempts
from seedbed.runs.commit import Committed, Counts
from seedbed.runs.futility import Futility
from seedbed.runs.outcome import Outcome

AHEAD = 8  # finished sources, for each call that may be in flight, that may wait for a slow one before them


class Schedule:
    """Begins sources and hands out their outcomes by position.

    Args:
        counts: of the run's commits. futility: limits the sources begun before the first row.
        on_call: called before a source without an outcome in the journal is begun.
    """

    def __init__(
        self,
        session: Session,
        feed: Feed,
        attempts: Attempts,
        counts: Counts,
        futility: Futility,
        on_call: Callable[[], None],
    ) -> None:
        self._session, self._feed, self._attempts, self._counts = session, OrderedFeed(feed), attempts, counts
        self._limits, self._futility, self._on_call = session.project.config.run, futility, on_call
        self._live, self.ahead = LIVE * attempts.slots, AHEAD * attempts.slots
        self._tasks: dict[int, asyncio.Future[Outcome]] = {}
        self._position, self._dry, self._closed = 0, False, False
        self._working, self._passed = 0, 0  # sources at work; candidates that passed the gate and wait for their turn
        self._ended, self._room = 0, session.ledger.room  # sources that ended; the ledger's room at the beginning

    async def next(self) -> tuple[int, Outcome] | None:
        """The next position and its outcome; None if the feed is dry. Call `committed` before the next one."""
        self._launch()
        if self._position not in self._tasks:
            return None
        return self._position, await self._tasks[self._position]

    def committed(self, outcome: Outcome, committed: Committed) -> None:
        """Record that the outcome from `next` is committed."""
        self._feed.commit(*committed)
        self._passed -= outcome.passed
        del self._tasks[self._position]
        self._position += 1

    async def aclose(self) -> None:
        """Cancel all unfinished work. Finished calls and outcomes stay in the journal."""
        self._closed = True  # a source that ends from now on starts no other one
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _launch(self) -> None:
        """Begin as many sources as are useful now."""
        while self._needs_more() and (source := self._take()):
            position = self._position + len(self._tasks)
            if outcome := self._attempts.remembered(position, source):
                self._tasks[position] = future = asyncio.get_running_loop().create_future()
                future.set_result(outcome)
                self._passed += outcome.passed
                return  # a remembered outcome costs nothing: first see whether it is enough
            self._on_call()
            task = self._tasks[position] = asyncio.ensure_future(self._attempts.make(position, source))
            task.add_done_callback(self._end)
            self._working += 1

    def _end(self, task: asyncio.Future[Outcome]) -> None:
        self._working -= 1
        if not (task.cancelled() or task.exception()):
            self._ended += 1
            self._passed += task.result().passed
            if not self._closed:
                self._launch()

    def _needs_more(self) -> bool:
        """Whether another source is needed now. At the end of a run, only as many are begun as the missing rows are
        likely to need: calls for more would be wasted."""
        live = self._working
        if not self._tasks:
            return True
        if not (self._passed or self._session.book or self._futility.room(len(self._tasks))):
            return False  # not in batch mode: a smaller job would not come back sooner
        if self._dry or not self._feed.is_ready or live >= self._live or len(self._tasks) >= self.ahead:
            return False
        if not self._affordable(live):
            return False
        accepted, sources = self._counts.accepted + 1, self._counts.sources + 1  # one row is assumed at the beginning
        missing = self._limits.rows - self._counts.accepted - self._passed
        room = self._limits.candidates - self._counts.candidates - len(self._tasks)
        return room > 0 and live * accepted / sources < missing

    def _affordable(self, live: int) -> bool:
        """Whether the caps leave enough to finish one more source, by the cost of the finished ones of this invocation.

        Money spent on unfinished sources is lost. At most one more is at work than has ended: before the first one
        ends, the cost of a source is unknown. In batch mode that would take a day for each doubling, so there the first
        sources all begin while there is room.
        """
        if (room := self._session.ledger.room) is None or self._room is None or not live:
            return True
        if self._session.book and not self._ended:
            return room > 0
        is_known = self._session.book is not None or live <= self._ended
        return is_known and (live + 1) * (self._room - room) <= room * self._ended

    def _take(self) -> Source | None:
        source = self._feed.take()
        self._dry = source is None
        return source
