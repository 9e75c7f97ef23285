"""What a run may begin, and when: sources in the order of the feed, as many at once as are of use."""

import asyncio
import collections
from collections.abc import Callable, Sequence

from programs.core.candidate import Candidate, Source
from programs.core.feed import Feed
from seedbed.project.session import Session
from seedbed.runs.attempt import LIVE, Attempts
from seedbed.runs.commit import Counts
from seedbed.runs.futility import Futility
from seedbed.runs.outcome import Outcome

AHEAD = 8  # sources, for each call that may be in flight, that a slow one may hold up: done, and waiting for its turn


class Schedule:
    """Begins sources and hands out their outcomes by position.

    Args:
        counts: what the run has committed. futility: how many sources may be begun before the first row.
        on_call: called before a source is begun that the journal does not remember.
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
        self._session, self._feed, self._attempts, self._counts = session, feed, attempts, counts
        self._limits, self._futility, self._on_call = session.project.config.run, futility, on_call
        self._live, self.ahead = LIVE * attempts.slots, AHEAD * attempts.slots
        if feed.listens:
            self.ahead = min(self.ahead, self._limits.lag)
        self._tasks: dict[int, asyncio.Future[Outcome]] = {}
        self._position, self._dry, self._closed = 0, False, False
        self._accepted: collections.deque[tuple[int, Candidate]] = collections.deque()  # not yet told to the feed
        self._working, self._passed = 0, 0  # sources at work; candidates through the gate that wait for their turn
        self._ended, self._room = 0, session.ledger.room  # sources that came to their end; the room at the beginning

    async def next(self) -> tuple[int, Outcome] | None:
        """The next position and its outcome; None where the feed is dry. `committed` is called before the next one."""
        self._launch()
        if self._position not in self._tasks:
            return None
        return self._position, await self._tasks[self._position]

    def committed(self, outcome: Outcome, accepted: Sequence[Candidate]) -> None:
        """The outcome that `next` gave is committed, with these rows."""
        if self._feed.listens:
            self._accepted.extend((self._position, candidate) for candidate in accepted)
        self._passed -= outcome.passed
        del self._tasks[self._position]
        self._position += 1

    async def aclose(self) -> None:
        """Give up what is under way; what was remembered or made stays in the journal."""
        self._closed = True  # a source that ends now begins no other
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _launch(self) -> None:
        """Begin what may be begun: never more at work, or further ahead of the order, than is of use."""
        while self._wanted() and (source := self._take(place := self._position + len(self._tasks))):
            if known := self._attempts.remembered(place, source):
                self._tasks[place] = done = asyncio.get_running_loop().create_future()
                done.set_result(known)
                self._passed += known.passed
                return  # what is remembered costs nothing: see first whether it is enough
            self._on_call()
            task = self._tasks[place] = asyncio.ensure_future(self._attempts.make(place, source))
            task.add_done_callback(self._end)
            self._working += 1

    def _end(self, task: asyncio.Future[Outcome]) -> None:
        self._working -= 1
        if not (task.cancelled() or task.exception()):
            self._ended += 1
            self._passed += task.result().passed
            if not self._closed:
                self._launch()

    def _wanted(self) -> bool:
        """Whether another source is needed now: at the end of a run no more are begun than the rows still missing
        are likely to take, for every call of theirs would be paid for nothing."""
        live = self._working
        if not self._tasks:
            return True
        if not (self._passed or self._session.book or self._futility.room(len(self._tasks))):
            return False  # a batch job, for which a day is waited, is not made smaller for it
        if self._dry or live >= self._live or len(self._tasks) >= self.ahead or not self._affordable(live):
            return False
        rate = (self._counts.accepted + 1) / (self._counts.sources + 1)  # accepted rows a source; first one is assumed
        missing = self._limits.rows - self._counts.accepted - self._passed
        room = self._limits.candidates - self._counts.candidates - len(self._tasks)
        return room > 0 and live * rate < missing

    def _affordable(self, live: int) -> bool:
        """Whether what the caps leave would see one more source to its end, by what those of this invocation took.

        For what is spent on sources that come to no end is spent in vain. Never more are at work than have ended, and
        one: until the first has, nobody knows what a source takes. In batch mode that would cost a day for each
        doubling, so there the first ones all begin, as long as there is room.
        """
        if (room := self._session.ledger.room) is None or self._room is None or not live:
            return True
        if self._session.book and not self._ended:
            return room > 0
        known = self._session.book is not None or live <= self._ended
        return known and (live + 1) * (self._room - room) <= room * self._ended

    def _take(self, position: int) -> Source | None:
        """The feed's source, after it has heard of exactly the rows accepted up to a lag before."""
        while self._accepted and self._accepted[0][0] <= position - self._limits.lag:
            self._feed.hear(self._accepted.popleft()[1])
        source: Source | None = self._feed.take(position)
        self._dry = source is None
        return source
