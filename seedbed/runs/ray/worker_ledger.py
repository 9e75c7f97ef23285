"""The worker's side of the ledger: the driver reserves money for it, for all calls that wait at the same moment."""

import asyncio
import itertools

from seedbed.runs.ray.messages import Free, Grant, Keep, Settle, Want
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.caps import NANO
from seedbed.storage.spending import Reservation


class WorkerLedger:
    """A `SpendingStore` without a file: it asks the driver through the log to reserve each call's cost, and reports
    there how the call ended.

    The driver reserves in the only ledger, so the caps hold over all workers as in one process. A call reserves exactly
    its highest cost and returns the rest at once, so no money lies idle at one worker while a call of another one
    waits.

    Args:
        log: read by the driver. counts_calls: whether there is a cap on calls.
    """

    def __init__(self, log: Log, *, counts_calls: bool) -> None:
        self._log, self._counts_calls, self._ids = log, counts_calls, itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._reserved: dict[Reservation, int] = {}

    @property
    def counts_calls(self) -> bool:
        return self._counts_calls

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """Reserve as `SpendingStore` says. `call` is not used: only batches resume calls, and they have no workers."""
        id, reservation = next(self._ids), Reservation(alias, calls, None if usd is None else round(usd * NANO))
        future = self._waiting[id] = asyncio.get_running_loop().create_future()
        self._log.tell(Want(id, alias, usd, calls))
        try:
            await future
        except asyncio.CancelledError:
            self._log.append(Free(id))
            raise
        finally:
            del self._waiting[id]
        self._reserved[reservation] = id
        return reservation

    def grant(self, message: Grant) -> None:
        """The driver's answer to a `Want`."""
        future = self._waiting.get(message.id)
        if future is None or future.done():
            return  # cancelled meanwhile; the driver knows
        if message.refusal:
            future.set_exception(message.refusal.error)
        else:
            future.set_result(None)

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        self._log.append(Settle(self._reserved.pop(reservation), usd))

    def free(self, reservation: Reservation) -> None:
        self._log.append(Free(self._reserved.pop(reservation)))

    def keep(self, reservation: Reservation) -> None:
        self._log.append(Keep(self._reserved.pop(reservation)))
