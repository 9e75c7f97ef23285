"""What one model takes at once and a minute, kept by us, and learnt from its 429s where they say less."""

import asyncio
import collections

from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from seedbed.models.engines.engine import Engine, Wrapped

THROTTLED = (lm15.RateLimitError, dspy_errors.LMRateLimitError)
LONGEST_HOLD = 60.0  # seconds, the most a `retry-after` is believed
SLACK = 0.1  # seconds that a pace may catch up, so that a late timer does not cost throughput


class Window:
    """How many calls may be in flight: additive increase, multiplicative decrease (Chiu & Jain 1989, section 3).

    As TCP's congestion avoidance (RFC 5681, section 3.1): one more for each window of successes, up to `most`; half
    on a 429, at least 1. It starts at `most`, which is what the user says the endpoint takes.
    """

    def __init__(self, most: int) -> None:
        self.most, self._size, self.cuts = most, float(most), 0

    @property
    def limit(self) -> int:
        """Calls in flight at most, from 1 to `most`."""
        return int(self._size)

    def grow(self) -> None:
        """A call succeeded."""
        self._size = min(float(self.most), self._size + 1 / self._size)

    def cut(self, seen: int) -> None:
        """A call that began when `cuts` was `seen` met a 429: calls sent before the last cut say nothing new."""
        if seen == self.cuts:
            self._size, self.cuts = max(1.0, self._size / 2), self.cuts + 1


class Pace:
    """At most `per_minute` units in any 60 seconds (and the rest of the last call's), given out evenly.

    The generic cell rate algorithm (ITU-T I.371) with a tolerance of SLACK seconds, whose burst the rate pays for.
    Even, because providers enforce a minute's limit over seconds.
    """

    def __init__(self, per_minute: float) -> None:
        self._seconds, self._next = (60 + SLACK) / per_minute, float("-inf")

    def ready(self, now: float) -> float:
        """When the next call may begin, on the clock of `now` (seconds)."""
        return max(now, self._next)

    def take(self, now: float, units: float) -> None:
        """A call of that many units begins."""
        self._next = max(self._next, now - SLACK) + units * self._seconds


class Limited(Wrapped):
    """An engine with its calls held back, first come first served, until its limits have room.

    Args:
        concurrency: calls in flight at most; 429s lower it for a while. rpm: requests a minute at most.
        tpm: tokens a minute at most, a call's taken as a quarter of its prompt's characters and all its `max_tokens`;
        None is no limit.
    """

    def __init__(self, engine: Engine, *, concurrency: int, rpm: float | None = None, tpm: float | None = None) -> None:
        super().__init__(engine)
        self.concurrency, self.window, self.inside = concurrency, Window(concurrency), 0
        self._requests, self._tokens = Pace(rpm) if rpm else None, Pace(tpm) if tpm else None
        self._held = 0.0  # no call begins before this time of the loop
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
            error.unsent = True  # type: ignore[attr-defined]  # so that it costs nothing, see `engine.free`
            raise

    def _leave(self) -> None:
        self.inside -= 1
        self._admit()

    def _admit(self) -> None:
        """Let those in whose turn it is; set an alarm where only the clock stands in the way."""
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
        ready = max(now, self._held)
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
            self._held = max(self._held, asyncio.get_running_loop().time() + min(seconds, LONGEST_HOLD))


def tokens(request: lm15.Request) -> float:
    """The tokens a call is taken to need before it is made: a provider counts them so when it lets a call in."""
    characters = len(str(request.system or "")) + sum(len(message.text or "") for message in request.messages)
    return characters / 4 + (request.config.max_tokens or 0)
