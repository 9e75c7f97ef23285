"""The base class of every recipe's program: asynchronous inside, callable from ordinary code."""

import asyncio
import functools
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.core.candidate import Candidate
from programs.core.step import Step
from programs.core.tools import tools, using
from programs.formats.replies import dropped

T = TypeVar("T")


@functools.cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The event loop for all model calls of the process, in a daemon thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="seedbed-loop", daemon=True).start()
    return loop


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for it; it has the caller's `dspy.context`.

    An interrupt (Ctrl-C) cancels the work and waits for its cleanup before it is raised. Never call this from the
    loop's own thread.
    """
    settled = threading.Event()
    future = asyncio.run_coroutine_threadsafe(_settling(work, settled), background_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        settled.wait(timeout=10)
        raise


async def _settling(work: Coroutine[Any, Any, T], settled: threading.Event) -> T:
    try:
        return await work
    finally:
        settled.set()


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order. The first failure cancels all others before it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Program(dspy.Module):
    """A recipe's program. Subclasses write `aforward(**inputs) -> dspy.Prediction(candidates=[...])`.

    `row` is the class of its candidates.
    """

    row: type[Candidate] = Candidate

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return run_sync(self.aforward(**inputs))

    async def aforward(self, *args: Any, **inputs: Any) -> dspy.Prediction:
        raise NotImplementedError

    def step(self, name: str) -> Step:
        """The predictor of that name."""
        step = getattr(self, name, None)  # searching the whole program takes a tenth of a call's time
        return step if isinstance(step, Step) else dict(self.named_predictors())[name]

    async def fill(self, candidate: Candidate, name: str, **inputs: Any) -> bool:
        """Ask step `name` and copy its outputs to the candidate. Returns False if the candidate is dropped.

        A reply that cannot be read drops the candidate. So does `Tools.veto`, before the next call is paid.
        """
        outputs = await self.ask(candidate, name, **inputs)
        if outputs is None:
            return False
        return await self.settle(candidate, **outputs)

    async def settle(self, candidate: Candidate, **values: Any) -> bool:
        """Copy values to the candidate's fields and run the veto. Returns False if the candidate is dropped."""
        candidate.take(values)
        veto = tools().veto
        candidate.dropped = await veto(candidate) if veto else None
        return candidate.dropped is None

    async def ask(self, candidate: Candidate, name: str, **inputs: Any) -> dict[str, Any] | None:
        """The step's output fields. If the reply is unreadable, empty or cut off: None, and the candidate is
        dropped."""
        try:
            with using(candidate=candidate):
                prediction = await self.step(name).acall(**inputs)
        except AdapterParseError as error:
            candidate.dropped = dropped(name, error)
            return None
        return {field: prediction[field] for field in self.step(name).signature.output_fields}

    async def follow(self, name: str, candidate: Candidate) -> None:
        """Run the steps after step `name`, so that a compile can score it. By default there are none."""

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        """The partly filled candidates in one reply of step `name`, for a compile to score."""
        raise NotImplementedError
