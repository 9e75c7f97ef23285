"""A worker's end of the ledger: the driver reserves money for it, for all calls that wait at one moment together."""

import asyncio
import itertools

from seedbed.runs.ray.messages import Free, Grant, Keep, Settle, Want
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.caps import NANO
from seedbed.storage.spending import Reservation


class WorkerLedger:
    """A `SpendingStore` without a file: it asks the driver through the log to reserve each call's cost, and tells it
    there how the call ended.

    The driver reserves in the one ledger there is, so the caps are as hard over all workers as in one process. Each
    call gets exactly what it may cost and hands back at once what it did not, so nothing lies idle at a worker while
    a call of another worker waits for room.

    Args:
        log: what the driver reads. counts_calls: whether there is a cap on calls.
    """

    def __init__(self, log: Log, *, counts_calls: bool) -> None:
        self._log, self._counts_calls, self._ids = log, counts_calls, itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._reserved: dict[Reservation, int] = {}

    @property
    def counts_calls(self) -> bool:
        return self._counts_calls

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """As the contract says. No call is taken up again here: batches have no workers."""
        id, reservation = next(self._ids), Reservation(alias, calls, None if usd is None else round(usd * NANO))
        granted = self._waiting[id] = asyncio.get_running_loop().create_future()
        self._log.tell(Want(id, alias, usd, calls))
        try:
            await granted
        except asyncio.CancelledError:
            self._log.append(Free(id))
            raise
        finally:
            del self._waiting[id]
        self._reserved[reservation] = id
        return reservation

    def grant(self, answer: Grant) -> None:
        """The driver's answer to a `Want`."""
        waiting = self._waiting.get(answer.id)
        if waiting is None or waiting.done():
            return  # given up meanwhile, which the driver is told
        if answer.refusal:
            waiting.set_exception(answer.refusal.error)
        else:
            waiting.set_result(None)

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        self._log.append(Settle(self._reserved.pop(reservation), usd))

    def free(self, reservation: Reservation) -> None:
        self._log.append(Free(self._reserved.pop(reservation)))

    def keep(self, reservation: Reservation) -> None:
        self._log.append(Keep(self._reserved.pop(reservation)))
