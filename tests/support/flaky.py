"""Engines that fail to order, and calls made through `Retrying`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dspy import lm15

from programs.core.background import run_sync
from seedbed.models.engines.engine import Shared
from seedbed.models.layers.retrying import Retrying

DONE = lm15.Response(
    id=None, model="m", message=lm15.Message.assistant("fine"), finish_reason="stop", usage=lm15.Usage()
)
DOWN = lm15.ServerError("overloaded", status=503)


def asking(text: str = "Say something.") -> lm15.Request:
    return lm15.Request(model="m", messages=(lm15.Message.user(text),))


class Stub(Shared):
    """An engine that answers as `answer(text)` does, and counts what it was asked and how much of it at once."""

    identity, enforces_schema, continues, concurrency, logprobs = "stub", True, False, 8, 0

    def __init__(self, answer: Callable[[str], Awaitable[object]]) -> None:
        self.answer, self.asked = answer, []
        self.most = self.inside = 0

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(request.messages[0].text or "")
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.answer(self.asked[-1])
        finally:
            self.inside -= 1
        return DONE

    async def aclose(self) -> None:
        pass


class Scripted(Stub):
    """Meets its outcomes in their order, the last for ever: an error is raised, None is a reply."""

    def __init__(self, *outcomes: Exception | None) -> None:
        super().__init__(self._next)
        self.outcomes = list(outcomes)

    async def _next(self, text: str) -> None:
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome:
            raise outcome


def many(count: int) -> list[lm15.Request]:
    return [asking(str(n)) for n in range(count)]


def patient(engine: Any, patience: float = 600, **changes: Any) -> Retrying:
    return Retrying(engine, patience=patience, alias="far", **changes)


def ask(engine: Retrying, *requests: lm15.Request) -> list[Any]:
    """Replies and errors, in the order of the requests (one plain one if none are given), all asked at once."""

    async def work() -> list[Any]:
        return await asyncio.gather(*map(engine.complete, requests or [asking()]), return_exceptions=True)

    return run_sync(work())
