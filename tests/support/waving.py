"""A small run in batch mode: rows that ask one call after the other, each about the reply before it."""

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dspy import lm15
from support.batch_wire import reply_to

from seedbed.models.batch import barrier as waves_module
from seedbed.models.batch import engine as batch
from seedbed.models.batch import provider_jobs as batch_service
from seedbed.models.batch.barrier import Waves
from seedbed.models.batch.engine import BatchEngine, BatchThenOnline
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.batch.provider_jobs import BatchService
from seedbed.models.call_context import Scope, calling
from seedbed.models.engines.engine import Shared
from seedbed.models.layers.replayed import Replayed
from seedbed.storage.journal import Journal

QUICK = (
    (batch, "LANDING", 0.05),
    (batch_service, "FIRST_POLL", 0.01),
    (batch_service, "LONGEST_POLL", 0.02),
    (waves_module, "DEBOUNCE", 0.03),
)


class Online(Shared):
    """The same model without a batch; it remembers what it was asked."""

    identity, enforces_schema, continues, concurrency = "online", True, False, 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def complete(self, request: lm15.Request) -> lm15.Response:
        prompt = str(request.messages[-1].text)
        self.asked.append(prompt)
        message = lm15.Message.assistant(reply_to(prompt))
        return lm15.Response(id=None, model="m", message=message, finish_reason="stop", usage=lm15.Usage())

    async def aclose(self) -> None:
        pass


class Setting:
    """One invocation of a run in a folder: its journal, its book and its engine, until `close`."""

    def __init__(self, folder: Path, service: BatchService) -> None:
        self.online, self.waves, self.said = Online(), Waves(), list[str]()
        self.journal, self.book = Journal(folder / "journal.sqlite"), WaveBook(folder / "batches.sqlite")
        batch = BatchEngine(self.online, service, self.book, self.waves, self.said.append)
        self.engine = BatchThenOnline(batch, self.online, self.said.append)
        self.model = Replayed(self.engine, "t", self.journal)

    async def ask(self, prompt: str, **config: Any) -> str:
        """One call of the row in hand."""
        request = lm15.Request(
            model="seedbed/t", messages=(lm15.Message.user(prompt),), config=lm15.Config(max_tokens=64, **config)
        )
        return str((await self.model.complete(request)).message.text)

    async def row(self, name: str, steps: int) -> str:
        """A row's last reply."""
        text = name
        with self.waves.row(), Scope(name).open():
            for _ in range(steps):
                text = await self.ask(text)
        return text

    async def close(self) -> None:
        await self.engine.aclose()
        self.book.close()
        self.journal.close()


def openai(base: str) -> BatchService:
    """The fake server as an OpenAI-compatible one."""
    return BatchService.of("m", None, base)


WIRES = {"openai": "/v1", "anthropic": "/v1", "azure": "/openai/v1", "gemini": "/v1beta"}
"""Where each provider's batch service stands on the fake server."""


def wired(name: str, base: str) -> BatchService:
    """The fake server as one of these providers."""
    return BatchService(name, "m", "key", base.removesuffix("/v1") + WIRES[name])


async def invocation(
    folder: Path, service: BatchService, *, rows: int = 4, steps: int = 3, live: int = 100, name: str = "row"
) -> tuple[list[str], Setting]:
    """Run the rows, each `name` and its number, `live` at a time, and close."""
    setting, slots = Setting(folder, service), asyncio.Semaphore(live)

    async def row(name: str) -> str:
        async with slots:
            return await setting.row(name, steps)

    try:
        return list(await asyncio.gather(*(row(f"{name} {k}") for k in range(rows)))), setting
    finally:
        await setting.close()


def told(rows: int = 4, steps: int = 3, name: str = "row") -> list[str]:
    """What the rows say in the end, whatever happened between."""
    said = [f"{name} {k}" for k in range(rows)]
    for _ in range(steps):
        said = [reply_to(text) for text in said]
    return said


STAGES: dict[str, tuple[Any, str]] = {
    "before the wave is written": (WaveBook, "open"),
    "before it is submitted": (BatchService, "submit"),
    "before the ticket is stored": (WaveBook, "ticket"),
    "while polling": (BatchService, "replies"),
    "before the replies are kept": (WaveBook, "keep"),
    "before a row is journalled": (Journal, "put"),
}


def killed(base: str, folder: Path, stage: str, time: int, wire: str) -> None:
    """An invocation in this process that dies of SIGKILL when it comes to a stage for the nth time."""
    for module, name, value in QUICK:
        setattr(module, name, value)
    owner, name = STAGES[stage]
    setattr(owner, name, _deadly(getattr(owner, name), time))
    asyncio.run(invocation(folder, wired(wire, base)))


def _deadly(step: Callable[..., Any], time: int) -> Callable[..., Any]:
    counted = itertools.count(1)

    def taken(*args: Any, **kwargs: Any) -> Any:
        if next(counted) == time:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **kwargs)

    return taken


def drawn(setting: Setting, prompt: str, draw: int) -> Any:
    """The same request as another draw."""

    async def ask() -> str:
        with calling(draw=draw):
            return await setting.ask(prompt)

    return ask()
