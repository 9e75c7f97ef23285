"""Attempts again at what can pass, and patience with an endpoint that is down."""

import asyncio
import random

from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from seedbed.models.engines.engine import Engine, Wrapped
from seedbed.models.layers.circuit_breaker import FAILURES, Breaker, is_refused
from seedbed.models.layers.rate_limited import THROTTLED
from seedbed.terminal import Say, silent

RETRIES = 4
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds
MOST_ASKED = 60.0  # seconds, the most a `retry-after` is believed


class Retrying(Wrapped):
    """An engine asked again, up to RETRIES times a call, where an attempt met a 429 or one of FAILURES.

    A call that meets 429s is asked again until it has waited for `patience`, since a quota a minute outlasts RETRIES.
    While its endpoint is down, calls wait for it (see `Breaker`) and their attempts are not counted. Nothing is held
    while waiting, so this stands outside of what hands out slots and money.

    Args:
        patience: seconds to wait for an endpoint that answered before and is down or has no room now.
        alias: its name for a person.
        say: told in a line when it goes down, and when it is back.
    """

    def __init__(self, engine: Engine, *, patience: float, alias: str, say: Say = silent) -> None:
        super().__init__(engine)
        self._breaker, self._patience = Breaker(alias, patience, say), patience

    async def complete(self, request: lm15.Request) -> lm15.Response:
        failures = throttles = 0
        waited = 0.0  # seconds, for room
        while True:
            if self._breaker.is_open:
                if (response := await self._probe(request)) is not None:
                    return response
                continue
            try:
                return await self._attempt(request)
            except THROTTLED as error:
                throttles += 1
                if throttles > RETRIES and waited >= self._patience:
                    raise
                seconds = wait(throttles, error.retry_after)
                waited += seconds
            except FAILURES as error:
                failures += 1
                if self._breaker.is_open:
                    continue
                if failures > RETRIES or is_refused(error):
                    raise
                seconds = wait(failures, error.retry_after)
            await _sleep(seconds)

    async def _probe(self, request: lm15.Request) -> lm15.Response | None:
        """The reply, if it was this call's turn to ask and the endpoint is back."""
        async with self._breaker.turn() as ours:
            if ours:
                try:
                    return await self._attempt(request)
                except (*THROTTLED, *FAILURES):
                    pass  # whoever is next in the queue asks next, lest one bad prompt keep all calls waiting
        return None

    async def _attempt(self, request: lm15.Request) -> lm15.Response:
        try:
            response = await self.engine.complete(request)
        except FAILURES as error:
            self._breaker.failed(error, request)
            raise
        except (lm15.ProviderError, dspy_errors.LMProviderError) as error:
            if error.status:
                self._breaker.answered()
            raise
        self._breaker.answered()
        return response


def wait(failures: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the server asked for, else exponential backoff with full jitter
    (Brooker, AWS Architecture Blog 2015): uniform up to 1, 2, 4 ... 30 s after that many `failures`. After RETRIES of
    them it is no less for being asked for, lest a server that always asks for 0 be asked without end."""
    backoff = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)))
    if asked is None:
        return backoff
    return min(MOST_ASKED, asked if failures <= RETRIES else max(asked, backoff))


_sleep = asyncio.sleep
