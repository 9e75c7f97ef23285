"""The engine that asks nothing twice: replies come from the journal, and go into it before anyone sees them."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import dspy
import orjson
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict

from seedbed.engines.engine import Engine, Wrapped, continuing
from seedbed.engines.fallback import Fallback, answered_by
from seedbed.journal import Journal, Timed

KEY = 32  # hex digits: 128 bits


class Place(NamedTuple):
    """Where the journal keeps a reply, and the request that brought it, as JSON."""

    key: str
    body: bytes


class Journaled(Wrapped):
    """An engine whose replies are journalled; the same call in flight twice is made once.

    A reply of a fallback is kept as the other model's, so that it is found as long as that one may stand in, and no
    longer.
    """

    def __init__(self, engine: Engine, alias: str, journal: Journal) -> None:
        super().__init__(engine)
        self.alias, self.journal = alias, journal
        self._fallback = engine if isinstance(engine, Fallback) else None
        self._flying: dict[str, asyncio.Future[Timed]] = {}
        self._ended = 0.0  # when the latest call did

    async def complete(self, request: lm15.Request) -> lm15.Response:
        places = self._places(request)
        known = next((reply for place in places if (reply := self.journal.get(place.key))), None)
        (response, work), paid = (known, False) if known else await self._once(places, request)
        alias = answered_by(response, self.alias)
        self.journal.tallies[alias].add(response, work, replayed=not paid)
        if scope := dspy.settings.get("scope"):
            scope.tallies[alias].add(response, work, replayed=not paid)
            scope.keys.append(self._kept_at(response, places).key)
            scope.asked.append(_asked())
            if alias != self.alias:
                scope.stood_in.add(alias)
        return response

    async def _once(self, places: Sequence[Place], request: lm15.Request) -> tuple[Timed, bool]:
        """The reply, and whether this call paid for it: of equal calls in flight the first one does."""
        key = places[0].key
        while (flight := self._flying.get(key)) and not flight.cancelled():
            try:
                return await asyncio.shield(flight), False
            except asyncio.CancelledError:
                ours = asyncio.current_task()
                if not flight.cancelled() or (ours and ours.cancelling()):
                    raise  # else the call we waited for was given up by who made it, and we make it
        flight = self._flying[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._fly(places, request)
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

    async def _fly(self, places: Sequence[Place], request: lm15.Request) -> Timed:
        started, waits = time.monotonic(), list[float]()
        with dspy.context(call=places[0].key, waits=waits):  # a batch that is taken up again knows its calls by the key
            response = await self.engine.complete(request)
        now = time.monotonic()
        work, self._ended = max(0.0, now - max(started, self._ended) - sum(waits)), now
        alias, kept_at = answered_by(response, self.alias), self._kept_at(response, places)
        await self.journal.put(kept_at.key, alias, kept_at.body, response, now - started, work)
        return response, work

    def _places(self, request: lm15.Request) -> list[Place]:
        """Where the reply may be kept: as this model's, or as that of the one that may stand in for it."""
        places = [place(self.identity, request)]
        if self._fallback:
            with self._fallback.others_way():
                places.append(place(self._fallback.other.identity, self._fallback.for_other(request)))
        return places

    def _kept_at(self, response: lm15.Response, places: Sequence[Place]) -> Place:
        return places[0] if answered_by(response, self.alias) == self.alias else places[-1]


def place(identity: str, request: lm15.Request) -> Place:
    """The place of a model's reply: by its identity, the request and the draw; above temperature 0 also by the
    candidate and the call's occurrence in it."""
    body = orjson.dumps(request_to_dict(request))
    scope, draw = dspy.settings.get("scope"), dspy.settings.get("draw", 0)
    told = b"%s|%d|%d|" % (identity.encode(), continuing(), draw)
    key = hashlib.sha256(told + body).hexdigest()[:KEY]
    if (request.config.temperature or 0.0) > 0 and scope:
        key = hashlib.sha256(f"{key}|{scope.id}|{scope.occurrence(key)}".encode()).hexdigest()[:KEY]
    return Place(key, body)


def _asked() -> str:
    """The name of the signature whose predictor makes the call in hand; empty where none does."""
    callers = dspy.settings.caller_modules or [None]
    return getattr(getattr(callers[-1], "asked", None), "__name__", "")
