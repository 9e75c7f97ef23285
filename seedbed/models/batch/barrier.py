"""When a wave of calls may be sent: how many rows are at work, and whether each of them waits for a reply."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

DEBOUNCE = 0.5  # seconds without any stir before "every row waits" is believed: a row may be about to ask once more
IDLE = 60.0  # seconds without any stir after which rows that do not wait are no longer waited for

_ROW: ContextVar[object] = ContextVar("row", default=None)


class Waves:
    """The rows of one run, shared by all its batch engines. Used on the event loop only.

    A row that asks nothing for `IDLE` seconds (it waits for another row's equal call, for an online model, or for a
    slow metric) does not hold the others back.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, int] = {}  # calls that wait, by live row
        self._stirred = 0.0

    @contextlib.contextmanager
    def row(self) -> Iterator[None]:
        """Calls made inside this block, and in tasks started in it, are one live row's."""
        row = object()
        token = _ROW.set(row)
        self._waiting[row] = 0
        self._stir()
        try:
            yield
        finally:
            del self._waiting[row]
            _ROW.reset(token)
            self._stir()

    @contextlib.contextmanager
    def waits(self) -> Iterator[None]:
        """The row in hand waits inside this block. A call of no row is counted nowhere and holds nobody back."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    async def still(self) -> None:
        """Return when every live row has waited for `DEBOUNCE` seconds, or none has stirred for `IDLE` seconds."""
        while (rest := self._stirred + self._patience() - time.monotonic()) > 0:
            await asyncio.sleep(min(rest, DEBOUNCE))

    def _patience(self) -> float:
        return DEBOUNCE if all(self._waiting.values()) else IDLE

    def _count(self, step: int) -> None:
        if (row := _ROW.get()) in self._waiting:
            self._waiting[row] += step
        self._stir()

    def _stir(self) -> None:
        self._stirred = time.monotonic()
