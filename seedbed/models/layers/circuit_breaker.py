"""Tracks whether an endpoint is up. While it is down, one call at a time tests whether it is back."""

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterator
from typing import Any

from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from seedbed.terminal import Say

FAILED_ATTEMPTS = 5  # attempts that must fail in a row before an endpoint that has answered counts as down
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two tests whether it is back

FAILURES = (
    lm15.ServerError,
    lm15.TimeoutError,
    lm15.TransportError,
    dspy_errors.LMServerError,
    dspy_errors.LMTimeoutError,
    dspy_errors.LMTransportError,
)
"""The errors of an endpoint that is down."""


class Breaker:
    """A circuit breaker (Nygard, Release It!, 2nd edition, section 5.2) that makes calls wait instead of fail.

    It opens when an endpoint that has answered before refuses a connection, or fails FAILED_ATTEMPTS attempts in a row
    of more than one call (one prompt that always fails says nothing about the endpoint). While it is open, it lets one
    call at a time through, 1, 2, 4 ... 30 seconds apart; the first answer closes it. After it has been open for
    `patience` seconds, calls between these tests fail.

    Args:
        alias: the model's name in the two lines given to `say`: when it opens, and when it closes.
    """

    def __init__(self, alias: str, patience: float, say: Say) -> None:
        self.alias, self.patience, self._say = alias, patience, say
        self._answered_before, self._failed = False, 0
        self._failing: dict[int, lm15.Request] = {}  # the calls that failed; kept so that no id is used again
        self._opened: float | None = None
        self._last: Exception | None = None
        self._next, self._pause = 0.0, FIRST_PAUSE
        self._probe = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    def answered(self) -> None:
        """Record that the endpoint answered a call; a refusal counts too."""
        self._answered_before, self._failed = True, 0
        self._failing.clear()
        if self._opened is not None:
            self._say(f"{self.alias} answers again after {_now() - self._opened:.0f} s")
            self._opened = None

    def failed(self, error: Exception, request: lm15.Request) -> None:
        """Record that an attempt at that call ended with one of FAILURES."""
        self._failed, self._last = self._failed + 1, error
        self._failing[id(request)] = request
        fails = is_refused(error) or (self._failed >= FAILED_ATTEMPTS and len(self._failing) > 1)
        if self._answered_before and fails and not self.is_open:
            self._opened, self._pause = _now(), FIRST_PAUSE
            self._next = self._opened + self._pause
            waits = f"; waiting up to {self.patience:.0f} s for it" if self.patience else ""
            self._say(f"{self.alias} is down ({_line(error)}){waits}")

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """While it is open, wait until it is this call's turn to test. Yields False if the endpoint is back by then.

        Raises the last error, marked for `is_down`, once `patience` is over.
        """
        self._give_up(waits=self._probe.locked())
        async with self._probe:
            self._give_up()
            if self._opened is not None and (seconds := min(self._next, self._opened + self.patience) - _now()) > 0:
                await _sleep(seconds)
            if self.is_open:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._next = _now() + self._pause
            yield self.is_open

    def _give_up(self, waits: bool = False) -> None:
        """Raise if patience is over and this call would have to wait."""
        if self._opened is None or _now() < self._opened + self.patience or not (waits or _now() < self._next):
            return
        error: Any = copy.copy(self._last)  # each call raises its own
        error.down = True
        raise error


def is_refused(error: BaseException) -> bool:
    """Whether nothing listens at the address, so that no attempt reached a model."""
    return getattr(error, "refused", False)


def is_down(error: BaseException | None) -> bool:
    """Whether a Breaker gave up the endpoint. Looks at the error and at the errors that DSPy wrapped."""
    while error is not None and not getattr(error, "down", False):
        error = error.__cause__
    return error is not None


def _line(error: Exception) -> str:
    return str(getattr(error, "message", error)).partition("\n")[0]


_now, _sleep = time.monotonic, asyncio.sleep
