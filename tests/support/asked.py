"""The endpoint engine, asked once."""

from typing import Any

from dspy import lm15
from support.hostile import (
    Hostile,
)

from programs.core.background import run_sync
from seedbed.models.engines.endpoint import EndpointEngine

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
