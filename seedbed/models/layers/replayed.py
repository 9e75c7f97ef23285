"""The engine that asks nothing twice: replies come from the journal, and go into it before anyone sees them."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import dspy
import orjson
from dspy import lm15

from seedbed.dspy_internals import request_to_dict
from seedbed.models.call_context import call_context, calling
from seedbed.models.engines.engine import Engine, Wrapped, continuing
from seedbed.models.layers.fallback import Fallback, answered_by
from seedbed.storage.call import Call, ReplyStore, Timed
from seedbed.storage.shipped import reading

KEY = 32  # hex digits: 128 bits


class Place(NamedTuple):
    """Where the journal keeps a reply, and the request that brought it, as JSON. `whole` is the key of a reply that
    ended by itself: whatever `max_tokens` were, had they been more it would be the same."""

    key: str
    whole: str
    body: bytes

    def holds(self, response: lm15.Response) -> str:
        """The key for this reply."""
        return self.whole if response.finish_reason == "stop" else self.key


class Replayed(Wrapped):
    """An engine whose replies are journalled; the same call in flight twice is made once.

    A reply of a fallback is kept as the other model's, so that it is found as long as that one may stand in, and no
    longer.
    """

    def __init__(self, engine: Engine, alias: str, journal: ReplyStore) -> None:
        super().__init__(engine)
        self.alias, self.journal = alias, journal
        self._fallback = engine if isinstance(engine, Fallback) else None
        self._flying: dict[str, asyncio.Future[Timed]] = {}
        self._ended = 0.0  # when the latest call did

    async def complete(self, request: lm15.Request) -> lm15.Response:
        places = self._places(request)
        known = next((found for place in places if (found := self._known(place, request))), None)
        known = known or await self._shipped(places[0])
        (response, work), paid = (known[1], False) if known else await self._once(places, request)
        alias = answered_by(response, self.alias)
        self.journal.tallies[alias].add(response, work, replayed=not paid)
        if scope := call_context().scope:
            scope.tallies[alias].add(response, work, replayed=not paid)
            scope.keys.append(known[0] if known else self._kept_at(response, places).holds(response))
            scope.signatures.append(_asked())
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
        with calling(key=places[0].key, waits=waits):  # a batch that is taken up again knows its calls by the key
            response = await self.engine.complete(request)
        now = time.monotonic()
        work, self._ended = max(0.0, now - max(started, self._ended) - sum(waits)), now
        alias, kept_at = answered_by(response, self.alias), self._kept_at(response, places)
        key = kept_at.holds(response)
        await self._keep(key, alias, kept_at.body, response, now - started, work)
        return response, work

    async def _keep(
        self, key: str, alias: str, body: bytes, response: lm15.Response, seconds: float, work: float
    ) -> None:
        scope = call_context().scope
        await self.journal.put(Call.of(key, alias, scope.id if scope else "", body, response, seconds, work))

    def _known(self, place: Place, request: lm15.Request) -> tuple[str, Timed] | None:
        """The reply that is kept for a call, and its key."""
        if reply := self.journal.get(place.key):
            return place.key, reply
        if (reply := self.journal.get(place.whole)) and self._ends_within(reply[0], place, request):
            return place.whole, reply
        return None

    async def _shipped(self, place: Place) -> tuple[str, Timed] | None:
        """The reply that ships with this version, where one does, and its key; it is then this journal's."""
        for key in (place.key, place.whole):
            if known := reading(self.identity, key):
                response, work = known
                await self._keep(key, self.alias, place.body, response, work, work)
                return key, known
        return None

    def _ends_within(self, reply: lm15.Response, place: Place, request: lm15.Request) -> bool:
        """Whether a reply that ended by itself does so within this call's `max_tokens`."""
        most, took = request.config.max_tokens, reply.usage.output_tokens
        if reply.finish_reason != "stop":
            return False
        if most is None or (took and took <= most):
            return True
        ((asked, _),) = self.journal.made([place.whole])
        before = asked.get("config", {}).get("max_tokens")
        return before is not None and before <= most

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
    candidate and the call's occurrence in it. Of `whole` the request's `max_tokens` are no part."""
    told = request_to_dict(request)
    nameless = told | {"model": ""}  # the alias changes no reply
    config = {name: value for name, value in told.get("config", {}).items() if name != "max_tokens"}
    key, whole = (_key(identity, orjson.dumps(one)) for one in (nameless, nameless | {"config": config}))
    scope = call_context().scope
    if (request.config.temperature or 0.0) > 0 and scope:
        suffix = f"{scope.id}|{scope.occurrence(key)}"
        key, whole = (hashlib.sha256(f"{one}|{suffix}".encode()).hexdigest()[:KEY] for one in (key, whole))
    return Place(key, whole, orjson.dumps(told))


def _key(identity: str, body: bytes) -> str:
    told = b"%s|%d|%d|" % (identity.encode(), continuing(), call_context().draw)
    return hashlib.sha256(told + body).hexdigest()[:KEY]


def _asked() -> str:
    """The name of the signature whose predictor makes the call in hand; empty where none does."""
    callers = dspy.settings.caller_modules or [None]
    return getattr(getattr(callers[-1], "asked", None), "__name__", "")
