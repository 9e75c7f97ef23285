"""An engine that numbers its replies, and requests for it."""

import asyncio

from dspy import lm15

from programs.core.background import run_sync
from seedbed.models.engines.engine import Shared
from seedbed.models.layers.replayed import Replayed


class Counting(Shared):
    """An engine that numbers its replies. `failing` calls fail first; each call takes a moment."""

    identity, enforces_schema, continues, concurrency = "counting", True, True, 8

    def __init__(self, failing: int = 0) -> None:
        self.asked: list[str] = []
        self.failing = failing

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(str(request.messages[-1].text))
        await asyncio.sleep(0.001)
        if self.failing:
            self.failing -= 1
            raise lm15.ServerError("no")
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(f"reply {len(self.asked)}"),
            finish_reason="stop",
            usage=lm15.Usage(input_tokens=5, output_tokens=2),
        )

    async def aclose(self) -> None:
        pass


def request(text: str = "a", temperature: float | None = 0.0) -> lm15.Request:
    return lm15.Request(
        model="m", messages=(lm15.Message.user(text),), config=lm15.Config(temperature=temperature, max_tokens=9)
    )


def together(engine: Replayed, *texts: str) -> list[lm15.Response | BaseException]:
    async def work() -> list[lm15.Response | BaseException]:
        return await asyncio.gather(*(engine.complete(request(text)) for text in texts), return_exceptions=True)

    return run_sync(work())
