"""The engine that asks nothing twice: replies come from the journal, and go into it before anyone sees them."""

import asyncio
import hashlib
import time

import dspy
import orjson
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict

from seedbed.engines.engine import Engine, Wrapped, continuing
from seedbed.engines.fallback import answered_by
from seedbed.journal import Journal, Timed

KEY = 32  # hex digits: 128 bits


class Journaled(Wrapped):
    """An engine whose replies are journalled; the same call in flight twice is made once."""

    def __init__(self, engine: Engine, alias: str, journal: Journal) -> None:
        super().__init__(engine)
        self.alias, self.journal = alias, journal
        self._flying: dict[str, asyncio.Future[Timed]] = {}
        self._ended = 0.0  # when the latest call did

    async def complete(self, request: lm15.Request) -> lm15.Response:
        body = orjson.dumps(request_to_dict(request))
        key = self._key(body, request.config.temperature or 0.0)
        known = self.journal.get(key)
        (response, work), paid = (known, False) if known else await self._once(key, body, request)
        alias = answered_by(response, self.alias)
        self.journal.tallies[alias].add(response, work, replayed=not paid)
        if scope := dspy.settings.get("scope"):
            scope.tallies[alias].add(response, work, replayed=not paid)
            scope.keys.append(key)
            scope.asked.append(_asked())
        return response

    async def _once(self, key: str, body: bytes, request: lm15.Request) -> tuple[Timed, bool]:
        """The reply, and whether this call paid for it: of equal calls in flight the first one does."""
        while (flight := self._flying.get(key)) and not flight.cancelled():
            try:
                return await asyncio.shield(flight), False
            except asyncio.CancelledError:
                ours = asyncio.current_task()
                if not flight.cancelled() or (ours and ours.cancelling()):
                    raise  # else the call we waited for was given up by who made it, and we make it
        flight = self._flying[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._fly(key, body, request)
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except BaseException as error:
            flight.set_exception(error)
            flight.exception()  # it is raised here; that nobody else waited for it is no mistake
            raise
        finally:
            del self._flying[key]
        flight.set_result(reply)
        return reply, True

    async def _fly(self, key: str, body: bytes, request: lm15.Request) -> Timed:
        started = time.monotonic()
        with dspy.context(call=key):  # a batch that is taken up after a restart knows its calls by it
            response = await self.engine.complete(request)
        now = time.monotonic()
        work, self._ended = now - max(started, self._ended), now
        await self.journal.put(key, answered_by(response, self.alias), body, response, now - started, work)
        return response, work

    def _key(self, body: bytes, temperature: float) -> str:
        """Identity, request and draw; above temperature 0 also the candidate and the call's occurrence in it."""
        scope, draw = dspy.settings.get("scope"), dspy.settings.get("draw", 0)
        told = b"%s|%d|%d|" % (self.identity.encode(), continuing(), draw)
        key = hashlib.sha256(told + body).hexdigest()[:KEY]
        if temperature > 0 and scope:
            key = hashlib.sha256(f"{key}|{scope.id}|{scope.occurrence(key)}".encode()).hexdigest()[:KEY]
        return key


def _asked() -> str:
    """The name of the signature whose predictor makes the call in hand; empty where none does."""
    callers = dspy.settings.caller_modules or [None]
    return getattr(getattr(callers[-1], "asked", None), "__name__", "")
