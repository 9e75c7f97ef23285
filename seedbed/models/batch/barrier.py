"""Decides when a wave of calls may be sent: when every row at work waits for a reply."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

DEBOUNCE = 0.5  # seconds without activity before "every row waits" is believed: a row may be about to ask once more
IDLE = 60.0  # seconds without activity after which a wave is sent although some rows do not wait

_ROW: ContextVar[object] = ContextVar("row", default=None)


class Waves:
    """The rows of one run, shared by all its batch engines. Used on the event loop only.

    A row that makes no call for `IDLE` seconds (it waits for another row's equal call, for an online model, or for a
    slow metric) does not delay the other rows.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, int] = {}  # calls that wait, by live row
        self._stirred = 0.0

    @contextlib.contextmanager
    def row(self) -> Iterator[None]:
        """Calls inside this block, and in tasks started in it, belong to one live row."""
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
        """The current row waits inside this block. A call without a row is not counted and delays nothing."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    async def still(self) -> None:
        """Return when every live row has waited for `DEBOUNCE` seconds, or none was active for `IDLE` seconds."""
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
