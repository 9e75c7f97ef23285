"""The endpoint engine, asked once, and an engine that keeps what it is asked."""

from typing import Any

from dspy import lm15
from support.hostile import (
    Hostile,
)

from programs.core.background import run_sync
from seedbed.models.call_context import call_context
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.engine import Shared, continuing

KEY = "sk-hunter2-hunter2"


ASK = lm15.Request(model="m", messages=(lm15.Message.user("Say something."),))


def engine(server: Hostile, **changes: Any) -> EndpointEngine:
    settings = {"base": server.base, "model": "m", "key": KEY, "concurrency": 4, "timeout": 0.3}
    return EndpointEngine(**settings | changes)


def ask(server: Hostile, request: lm15.Request = ASK, **changes: Any) -> lm15.Response:
    async def work() -> lm15.Response:
        one = engine(server, **changes)
        try:
            return await one.complete(request)
        finally:
            await one.aclose()

    return run_sync(work())


class Echo(Shared):
    """Gives its texts in turn, the last for ever. Keeps the requests, their draws, and whether each continued text."""

    identity, enforces_schema, continues, concurrency = "echo", True, True, 8

    def __init__(self, *texts: str, chats: bool = True) -> None:
        self.texts, self._chats = list(texts), chats
        self.asked, self.draws, self.continued = list[lm15.Request](), list[int](), list[bool]()

    @property
    def chats(self) -> bool:
        return self._chats

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(request)
        self.draws.append(call_context().draw)
        self.continued.append(continuing())
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        message, usage = lm15.Message.assistant(text), lm15.Usage(input_tokens=5, output_tokens=2)
        return lm15.Response(id=None, model=request.model, message=message, finish_reason="stop", usage=usage)

    async def aclose(self) -> None: ...
