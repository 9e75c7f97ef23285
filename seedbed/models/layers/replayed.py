"""Makes no call twice: looks in the journal first, and stores each reply there before it returns it."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import dspy
import orjson
from dspy import lm15

from programs.core.tools import tools
from seedbed.dspy_internals import request_to_dict
from seedbed.models.call_context import ScopedCall, call_context, calling
from seedbed.models.engines.engine import Engine, Wrapped, continuing
from seedbed.models.layers.fallback import Fallback, answered_by
from seedbed.storage.call import Call, ReplyStore, Timed
from seedbed.storage.shipped import reading

KEY = 32  # hex digits: 128 bits


class Place(NamedTuple):
    """The keys of a reply in the journal, and its request as JSON. `whole` is the key of a reply that ended by itself:
    it would be the same with a larger `max_tokens`."""

    key: str
    whole: str
    body: bytes

    def holds(self, response: lm15.Response) -> str:
        """The key for this reply."""
        return self.whole if response.finish_reason == "stop" else self.key


class Replayed(Wrapped):
    """Stores replies in the journal. Of two equal calls in flight only one is made.

    A reply of a fallback is stored under the other model's key, so it is found only while that model is the fallback.
    """

    def __init__(self, engine: Engine, alias: str, journal: ReplyStore) -> None:
        super().__init__(engine)
        self.alias, self.journal = alias, journal
        self._fallback = engine if isinstance(engine, Fallback) else None
        self._in_flight: dict[str, asyncio.Future[Timed]] = {}
        self._ended = 0.0  # when the latest call ended

    async def complete(self, request: lm15.Request) -> lm15.Response:
        places = self._places(request)
        stored = next((reply for place in places if (reply := self._stored(place, request))), None)
        stored = stored or await self._shipped(places[0])
        (response, work), paid = (stored[1], False) if stored else await self._once(places, request)
        alias = answered_by(response, self.alias)
        self.journal.tallies[alias].add(response, work, replayed=not paid)
        if scope := call_context().scope:
            scope.tallies[alias].add(response, work, replayed=not paid)
            key = stored[0] if stored else self._place_of(response, places).holds(response)
            scope.calls.append(ScopedCall(key, _signature_name(), tools().candidate))
            if alias != self.alias:
                scope.stood_in.add(alias)
        return response

    async def _once(self, places: Sequence[Place], request: lm15.Request) -> tuple[Timed, bool]:
        """The reply, and whether this call paid for it: the first of equal calls in flight pays."""
        key = places[0].key
        while (flight := self._in_flight.get(key)) and not flight.cancelled():
            try:
                return await asyncio.shield(flight), False
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not flight.cancelled() or (task and task.cancelling()):
                    raise  # else the task we waited for was cancelled, so we make the call
        flight = self._in_flight[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._call(places, request)
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except BaseException as error:
            flight.set_exception(error)
            flight.exception()  # marks it as retrieved: it is raised here, and it is fine if no other task waits for it
            raise
        finally:
            del self._in_flight[key]
        flight.set_result(reply)
        return reply, True

    async def _call(self, places: Sequence[Place], request: lm15.Request) -> Timed:
        started, waits = time.monotonic(), list[float]()
        with calling(key=places[0].key, waits=waits):  # a resumed batch finds its calls by the key
            response = await self.engine.complete(request)
        now = time.monotonic()
        work, self._ended = max(0.0, now - max(started, self._ended) - sum(waits)), now
        alias, place = answered_by(response, self.alias), self._place_of(response, places)
        key = place.holds(response)
        await self._keep(key, alias, place.body, response, now - started, work)
        return response, work

    async def _keep(
        self, key: str, alias: str, body: bytes, response: lm15.Response, seconds: float, work: float
    ) -> None:
        scope = call_context().scope
        await self.journal.put(Call.of(key, alias, scope.id if scope else "", body, response, seconds, work))

    def _stored(self, place: Place, request: lm15.Request) -> tuple[str, Timed] | None:
        """The stored reply to a call, and its key."""
        if reply := self.journal.get(place.key):
            return place.key, reply
        if (reply := self.journal.get(place.whole)) and self._ends_within(reply[0], place, request):
            return place.whole, reply
        return None

    async def _shipped(self, place: Place) -> tuple[str, Timed] | None:
        """The reply that ships with this version, if there is one, and its key. It is copied into the journal."""
        for key in (place.key, place.whole):
            if timed := reading(self.identity, key):
                response, work = timed
                await self._keep(key, self.alias, place.body, response, work, work)
                return key, timed
        return None

    def _ends_within(self, reply: lm15.Response, place: Place, request: lm15.Request) -> bool:
        """Whether a reply ended by itself, and within this call's `max_tokens`."""
        limit, tokens = request.config.max_tokens, reply.usage.output_tokens
        if reply.finish_reason != "stop":
            return False
        if limit is None or (tokens and tokens <= limit):
            return True
        ((original, _),) = self.journal.made([place.whole])
        original_limit = original.get("config", {}).get("max_tokens")
        return original_limit is not None and original_limit <= limit

    def _places(self, request: lm15.Request) -> list[Place]:
        """The places where the reply may be stored: that of this model, and that of its fallback."""
        places = [place(self.identity, request)]
        if self._fallback:
            with self._fallback.substitute_context():
                places.append(place(self._fallback.substitute.identity, self._fallback.for_substitute(request)))
        return places

    def _place_of(self, response: lm15.Response, places: Sequence[Place]) -> Place:
        return places[0] if answered_by(response, self.alias) == self.alias else places[-1]


def place(identity: str, request: lm15.Request) -> Place:
    """The place of a model's reply. Its keys hash the identity, the request and the draw, and above temperature 0 also
    the candidate and the occurrence of the call in it. `whole` leaves out `max_tokens`."""
    body = request_to_dict(request)
    content = body | {"model": ""}  # the alias changes no reply
    config = {name: value for name, value in body.get("config", {}).items() if name != "max_tokens"}
    key, whole = (_key(identity, orjson.dumps(part)) for part in (content, content | {"config": config}))
    scope = call_context().scope
    if (request.config.temperature or 0.0) > 0 and scope:
        suffix = f"{scope.id}|{scope.occurrence(key)}"
        key, whole = (hashlib.sha256(f"{digest}|{suffix}".encode()).hexdigest()[:KEY] for digest in (key, whole))
    return Place(key, whole, orjson.dumps(body))


def _key(identity: str, body: bytes) -> str:
    prefix = b"%s|%d|%d|" % (identity.encode(), continuing(), call_context().draw)
    return hashlib.sha256(prefix + body).hexdigest()[:KEY]


def _signature_name() -> str:
    """The name of the signature whose predictor makes the current call; empty if there is none."""
    callers = dspy.settings.caller_modules or [None]
    return getattr(getattr(callers[-1], "asked", None), "__name__", "")
