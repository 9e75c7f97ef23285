"""Keeps the limits of one model: calls at once and per minute. Its 429 replies lower the limit."""

import asyncio
import collections

from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from seedbed.models.engines.engine import Engine, Wrapped

THROTTLED = (lm15.RateLimitError, dspy_errors.LMRateLimitError)
LONGEST_HOLD = 60.0  # seconds, the longest `retry-after` that is obeyed
SLACK = 0.1  # seconds by which a pace may catch up, so that a late timer does not cost throughput


class Window:
    """The limit of calls in flight: additive increase, multiplicative decrease (Chiu & Jain 1989, section 3).

    As TCP's congestion avoidance (RFC 5681, section 3.1): one more for each window of successes, up to `most`; half
    on a 429, at least 1. It starts at `most`, the number in the config.
    """

    def __init__(self, most: int) -> None:
        self.most, self._size, self.cuts = most, float(most), 0

    @property
    def limit(self) -> int:
        """The most calls in flight, from 1 to `most`."""
        return int(self._size)

    def grow(self) -> None:
        """Record that a call succeeded."""
        self._size = min(float(self.most), self._size + 1 / self._size)

    def cut(self, cuts_at_start: int) -> None:
        """Record that a call met a 429. `cuts_at_start` is `cuts` when it began: calls from before the last cut are
        ignored."""
        if cuts_at_start == self.cuts:
            self._size, self.cuts = max(1.0, self._size / 2), self.cuts + 1


class Pace:
    """At most `per_minute` units in any 60 seconds (and the rest of the last call's), spread evenly.

    The generic cell rate algorithm (ITU-T I.371) with a tolerance of SLACK seconds; the rate is lowered to pay for that
    burst. Spread evenly, because providers enforce a limit per minute over seconds.
    """

    def __init__(self, per_minute: float) -> None:
        self._seconds, self._next = (60 + SLACK) / per_minute, float("-inf")

    def ready(self, now: float) -> float:
        """The time at which the next call may begin, on the clock of `now` (seconds)."""
        return max(now, self._next)

    def take(self, now: float, units: float) -> None:
        """Record that a call of that many units begins."""
        self._next = max(self._next, now - SLACK) + units * self._seconds


class Limited(Wrapped):
    """Makes calls wait, first come first served, until the limits have room.

    Args:
        concurrency: the most calls in flight; 429s lower it for a while. rpm: the most requests a minute.
        tpm: the most tokens a minute, where a call counts a quarter of its prompt's characters and its `max_tokens`;
        None is no limit.
    """

    def __init__(self, engine: Engine, *, concurrency: int, rpm: float | None = None, tpm: float | None = None) -> None:
        super().__init__(engine)
        self.concurrency, self.window, self.inside = concurrency, Window(concurrency), 0
        self._requests, self._tokens = Pace(rpm) if rpm else None, Pace(tpm) if tpm else None
        self._paused_until = 0.0  # no call begins before this time of the event loop
        self._waiting: collections.deque[tuple[asyncio.Future[None], float]] = collections.deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def complete(self, request: lm15.Request) -> lm15.Response:
        await self._enter(tokens(request) if self._tokens else 0.0)
        cuts = self.window.cuts
        try:
            response = await self.engine.complete(request)
        except THROTTLED as error:
            self.window.cut(cuts)
            self._hold(error.retry_after)
            raise
        else:
            self.window.grow()
        finally:
            self._leave()
        return response

    async def _enter(self, units: float) -> None:
        now = asyncio.get_running_loop().time()
        if not self._waiting and self.inside < self.window.limit and self._ready(now) <= now:
            self._begin(now, units)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, units))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError as error:
            if not turn.cancelled():  # its turn had come
                self._leave()
            error.unsent = True  # type: ignore[attr-defined]  # so it costs nothing, see `engine.free`
            raise

    def _leave(self) -> None:
        self.inside -= 1
        self._admit()

    def _admit(self) -> None:
        """Begin the calls whose turn it is. If only the pace stops the next one, set an alarm for it."""
        while self._waiting:
            turn, units = self._waiting[0]
            loop = turn.get_loop()
            now = loop.time()
            if not turn.done():  # else it was cancelled while it waited
                if self.inside >= self.window.limit:
                    return
                if (ready := self._ready(now)) > now:
                    self._alarm = self._alarm or loop.call_at(ready, self._ring)
                    return
                self._begin(now, units)
                turn.set_result(None)
            self._waiting.popleft()

    def _ring(self) -> None:
        self._alarm = None
        self._admit()

    def _ready(self, now: float) -> float:
        ready = max(now, self._paused_until)
        for pace in (self._requests, self._tokens):
            if pace:
                ready = max(ready, pace.ready(now))
        return ready

    def _begin(self, now: float, units: float) -> None:
        self.inside += 1
        if self._requests:
            self._requests.take(now, 1)
        if self._tokens:
            self._tokens.take(now, units)

    def _hold(self, seconds: float | None) -> None:
        if seconds:
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + min(seconds, LONGEST_HOLD))


def tokens(request: lm15.Request) -> float:
    """The estimated tokens of a call before it is made, counted as providers do when they admit a call."""
    characters = len(str(request.system or "")) + sum(len(message.text or "") for message in request.messages)
    return characters / 4 + (request.config.max_tokens or 0)
