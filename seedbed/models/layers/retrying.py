"""Retries calls that may succeed later, and waits for an endpoint that is down."""

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
LONGEST_RETRY_AFTER = 60.0  # seconds, the longest `retry-after` that is obeyed


class Retrying(Wrapped):
    """Repeats an attempt up to RETRIES times a call if it ended with a 429 or one of FAILURES.

    A call that meets 429s is repeated until it has waited for `patience`, because a quota per minute may outlast
    RETRIES. While the endpoint is down, calls wait for it (see `Breaker`) and their attempts are not counted. A waiting
    call must hold no slot and no money, so this layer is outside of the limits and the ledger.

    Args:
        patience: seconds to wait for an endpoint that answered before and is down or has no room now.
        alias: its name in messages.
        say: receives a line when it goes down, and when it is back.
    """

    def __init__(self, engine: Engine, *, patience: float, alias: str, say: Say = silent) -> None:
        super().__init__(engine)
        self._breaker, self._patience = Breaker(alias, patience, say), patience

    async def complete(self, request: lm15.Request) -> lm15.Response:
        failures = throttles = 0
        waited = 0.0  # seconds waited after 429s
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
        """The reply, if it was this call's turn to test and the endpoint is back."""
        async with self._breaker.turn() as is_our_turn:
            if is_our_turn:
                try:
                    return await self._attempt(request)
                except (*THROTTLED, *FAILURES):
                    pass  # the next call in the queue tests next, so one bad prompt cannot make all calls wait
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


def wait(failures: int, retry_after: float | None) -> float:
    """Seconds before the next attempt: the server's `retry_after`, else exponential backoff with full jitter
    (Brooker, AWS Architecture Blog 2015): uniform up to 1, 2, 4 ... 30 s by the number of `failures`. After RETRIES
    failures the backoff is the minimum, so that a server that always sends 0 is not asked without a pause."""
    backoff = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)))
    if retry_after is None:
        return backoff
    return min(LONGEST_RETRY_AFTER, retry_after if failures <= RETRIES else max(retry_after, backoff))


_sleep = asyncio.sleep
