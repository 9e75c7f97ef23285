"""A worker's end of the ledger: money comes from the driver, for all calls that wait at one moment together."""

import asyncio
import itertools

from seedbed.errors import BudgetReached, TeacherDown, UserError
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.caps import NANO
from seedbed.storage.ledger import Ledger, Reservation, Spending


class WorkerLedger(Ledger):
    """A ledger that has no file. What calls may cost is asked of the driver through the log, and their end told there.

    The driver reserves in the one ledger there is, so the caps are as hard over all workers as in one process. Each
    call is lent exactly what it may cost and hands back at once what it did not, so nothing lies idle at a worker
    while a call of another's waits for room.

    Args:
        log: what the driver hears. counts_calls: whether there is a cap on calls.
    """

    def __init__(self, log: Log, *, counts_calls: bool) -> None:
        self._log, self._counts_calls, self._ids = log, counts_calls, itertools.count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._lent: dict[Reservation, int] = {}

    @property
    def counts_calls(self) -> bool:
        return self._counts_calls

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """As the ledger's; it comes with the next slice. No call is taken up again here: batches have no workers."""
        id, reservation = next(self._ids), Reservation(alias, calls, None if usd is None else round(usd * NANO))
        granted = self._waiting[id] = asyncio.get_running_loop().create_future()
        self._log.tell("want", id, alias, usd, calls)
        try:
            await granted
        except asyncio.CancelledError:
            self._log.append("free", id)
            raise
        finally:
            del self._waiting[id]
        self._lent[reservation] = id
        return reservation

    def grant(self, id: int, refusal: list[str] | None) -> None:
        """The driver's answer: what was asked for under this id is lent, or why it is not, as `packed` has it."""
        asked = self._waiting.get(id)
        if asked is None or asked.done():
            return  # given up meanwhile, which the driver is told
        if refusal:
            asked.set_exception(unpacked(refusal))
        else:
            asked.set_result(None)

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        self._log.append("settle", self._lent.pop(reservation), usd)

    def free(self, reservation: Reservation) -> None:
        self._log.append("free", self._lent.pop(reservation))

    def keep(self, reservation: Reservation) -> None:
        self._log.append("keep", self._lent.pop(reservation))

    async def totals(self, account: str | None = None) -> dict[str, Spending]:
        """Nothing: the driver counts."""
        return {}


def packed(error: BaseException) -> list[str]:
    """What stops a run, as a list that JSON holds: kind, sentence, hint. Of a mistake in the code, its traceback."""
    if isinstance(error, UserError | TeacherDown | BudgetReached):
        return [type(error).__name__, str(error), error.hint]
    import traceback

    return ["RuntimeError", "".join(traceback.format_exception(error)), ""]


def unpacked(told: list[str]) -> BaseException:
    """The error that `packed` was given; a RuntimeError for a mistake in the code."""
    kind, said, hint = told
    if kind == "BudgetReached":
        return BudgetReached(said)
    if kind == "RuntimeError":
        return RuntimeError(f"a worker failed:\n{said}")
    return {"UserError": UserError, "TeacherDown": TeacherDown}[kind](said, hint=hint)
