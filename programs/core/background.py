"""The background event loop, on which all model calls run, and how ordinary code and coroutines use it."""

import asyncio
import functools
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

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
