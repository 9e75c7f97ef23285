"""The ledger: what a project's calls cost, all its commands together, and the caps that no call may break."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from seedbed.config.sections import Budget, RunSettings
from seedbed.errors import BudgetReached, UserError
from seedbed.storage.caps import NANO, Room, caps
from seedbed.storage.spending import Reservation, Spending
from seedbed.storage.sqlite_store import Kind, Store

_SCHEMA = """
create table if not exists spent (account text, alias text, calls integer, nano integer, answered integer,
                                  answered_nano integer, unpriced integer, primary key (account, alias));
create table if not exists held (account text, alias text, call text, nano integer, primary key (account, alias, call));
"""
_ADD = """
insert into spent values (?, ?, ?, ?, ?, ?, ?) on conflict do update set calls = calls + excluded.calls,
nano = nano + excluded.nano, answered = answered + excluded.answered,
answered_nano = answered_nano + excluded.answered_nano, unpriced = unpriced + excluded.unpriced
"""
_HOLD = "insert into held values (?, ?, ?, ?)"
_HELD = "select nano from held where account = ? and alias = ? and call = ?"
_END = "delete from held where account = ? and alias = ? and call = ?"


LEDGER = Kind("ledger", "Put a copy of it back; moved away, it forgets all that was spent, and the caps count anew.")
_Change = tuple[str, int, int, int, int, int]  # alias, then what to add to each column
_Asked = tuple[Reservation, "asyncio.Future[Reservation]"]


class Ledger:
    """One file over all commands and processes of a project. Used on the event loop only.

    What a call can cost at most is on the disk as spent before the call is sent; its reply corrects that to what it
    did cost. So a process that is killed has nothing to make good: what it reserved stays spent. The caps are checked
    in the transaction that reserves, which no other process comes between, and the operations of one moment share a
    commit. The file holds one line for each account and alias, however many calls there are, and one for each call that
    may be taken up again, until it is.

    Args:
        path: the file. account: what this process spends for (`compile`, or a run's id).
        budget: caps on all accounts together, for ever. run: caps on this account.

    `room` is what was left of the tightest cap, as a share of it, when something was last reserved; None without caps.

    Raises UserError where the file cannot be used (of one with broken pages nothing is: what it forgot would be spent
    again), or where a cap in dollars would have to count calls that were made
    while their price was unknown.
    """

    def __init__(self, path: Path, account: str, budget: Budget, run: RunSettings | None = None) -> None:
        self.account, self._store = account, Store(path, _SCHEMA, LEDGER)
        self._caps = caps("budget", budget.max_usd, budget.max_calls, None)
        if run:
            self._caps += caps("run", run.max_usd, run.max_calls, account)
        self._open, self._changes, self._over = set[Reservation](), list[_Change](), list[Reservation]()
        self._asked: deque[_Asked] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._stuck = False  # the first of those asked for did not fit, and nothing was closed since
        self._broken = ""  # why a cap in dollars cannot be kept any more
        self._refuse_unpriced()
        self.room = Room(self._caps, self._store.row).share()

    @property
    def counts_calls(self) -> bool:
        """Whether there is a cap on calls, so that those that cost nothing must be booked too."""
        return any(cap.column == "calls" for cap in self._caps)

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """Set aside the most that calls can cost, in the order of asking; on the disk when it returns.

        `call` names one that outlives its asking, as one in a provider's batch does. Where something was set aside
        under this name and neither settled nor freed, by whatever invocation, that is given out again and nothing more.
        What does not fit waits as long as reservations of this process are open, for they may settle lower. Raises
        BudgetReached where none is, UserError for an unknown price (None) under a cap in dollars.
        """
        if usd is None and any(cap.column == "nano" for cap in self._caps):
            raise UserError(
                f"{self._caps[0].key}: what a call to {alias} costs is unknown.",
                hint=f"Set models.{alias}.input_price, output_price (dollars per million tokens) and max_tokens.",
            )
        wanted = Reservation(alias, calls, None if usd is None else round(usd * NANO), call)
        granted: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._asked.append((wanted, granted))
        self._stuck &= not call  # it may be given at once, whoever waits before it
        self._work()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and not granted.exception():  # at the very moment
                self._give_back(wanted, granted.result())
            raise

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        """A reply came and cost this much; None, which is unknown, leaves the reservation as it is.

        After one that cost more than was set aside for it nothing more is given out under a cap in dollars: what the
        next can cost is not known either.
        """
        self._open.remove(reservation)
        self._over.append(reservation)
        set_aside = reservation.nano or 0
        cost = set_aside if usd is None or reservation.nano is None else round(usd * NANO)
        if reservation.nano is not None and cost > set_aside:
            self._distrust(reservation, cost)
        self._changes.append((reservation.alias, 0, cost - set_aside, reservation.calls, cost, 0))
        self._closed()

    def free(self, reservation: Reservation) -> None:
        """The call certainly cost nothing."""
        self._open.remove(reservation)
        self._over.append(reservation)
        calls, nano = reservation.calls, reservation.nano
        self._changes.append((reservation.alias, -calls, -(nano or 0), 0, 0, -calls if nano is None else 0))
        self._closed()

    def keep(self, reservation: Reservation) -> None:
        """No reply came, and the call may have cost all that was set aside."""
        self._open.remove(reservation)
        self._closed()

    async def totals(self, account: str | None = None) -> dict[str, Spending]:
        """Spending by alias, of one account or of the whole project, this moment's operations included."""
        await self._written()
        found = self._store.rows(
            "select alias, sum(calls), sum(nano), sum(answered), sum(answered_nano), sum(unpriced) from spent "
            "where account = coalesce(?, account) group by alias",
            account,
        )
        return {
            alias: Spending(calls, None if unpriced else nano / NANO, calls - answered, (nano - answered_nano) / NANO)
            for alias, calls, nano, answered, answered_nano, unpriced in found
        }

    async def aclose(self) -> None:
        """Write what is settled and close the file; what is still open stays spent."""
        await self._written()
        self._store.close()

    async def _written(self) -> None:
        if self._worker:
            await asyncio.shield(self._worker)

    def _distrust(self, reservation: Reservation, nano: int) -> None:
        cap = next((cap for cap in self._caps if cap.column == "nano"), None)
        if cap and not self._broken:
            took, most = f"${nano / NANO:.4f}", f"${(reservation.nano or 0) / NANO:.4f}"
            self._broken = (
                f"{cap.key} cannot be kept: a call to {reservation.alias} took {took}, and its max_tokens allow {most}"
            )

    def _give_back(self, wanted: Reservation, given: Reservation) -> None:
        """Nothing is sent for what was asked; for what an earlier asking left, something may have been."""
        (self.free if given is wanted else self.keep)(given)

    def _closed(self) -> None:
        self._stuck = False
        self._work()

    def _work(self) -> None:
        if not self._worker and self._to_do():
            self._worker = asyncio.create_task(self._commit_all())

    def _to_do(self) -> bool:
        return bool(self._changes or (self._asked and not self._stuck))

    async def _commit_all(self) -> None:
        try:
            while self._to_do():
                await self._commit()
        finally:
            self._worker = None

    async def _commit(self) -> None:
        """One transaction for all that is to do now. Where it fails, what should have been corrected stays spent."""
        changes, over, self._changes, self._over = self._changes, self._over, [], []
        asked = [one for one in self._asked if not one[1].done()]  # the others were cancelled while they waited
        self._asked.clear()
        self._stuck = True  # unless a reservation is closed meanwhile
        try:
            answers, broken = await self._store.decide(
                lambda database: self._apply(database, changes, over, [wanted for wanted, _ in asked])
            )
        except Exception as error:  # an amount that no database holds, say: whoever waits must hear of it
            self._stuck = False
            _refuse(asked, error if isinstance(error, UserError) else self._unbooked(error))
            return
        for (wanted, future), given in zip(asked, answers, strict=True):
            if given:
                self._open.add(given)
                if future.done():  # cancelled while it was written
                    self._give_back(wanted, given)
                else:
                    future.set_result(given)
        self._put_off([one for one, given in zip(asked, answers, strict=True) if not given], broken)

    def _unbooked(self, error: Exception) -> UserError:
        return UserError(
            f"{self._store.path} could not book what calls cost: {error}.",
            hint="Run the same command again; finished calls are kept.",
        )

    def _put_off(self, asked: Sequence[_Asked], broken: str) -> None:
        """What did not fit waits, in its order, or is refused where nothing is open that may settle lower."""
        if asked and (self._open or not self._stuck):
            self._asked.extendleft(reversed(asked))
            return
        self._stuck = False
        _refuse(asked, BudgetReached(broken))

    def _apply(
        self,
        database: sqlite3.Connection,
        changes: Sequence[_Change],
        over: Sequence[Reservation],
        asked: Sequence[Reservation],
    ) -> tuple[list[Reservation | None], str]:
        """What each of those asked for is given, and the cap that the first which does not fit would break; those
        after it are given nothing new either."""
        database.executemany(_ADD, [(self.account, *change) for change in changes])
        database.executemany(_END, [(self.account, one.alias, one.call) for one in over if one.call])
        room = Room(self._caps, lambda statement, *values: database.execute(statement, values).fetchone())
        answers, broken = list[Reservation | None](), self._broken
        for wanted in asked:
            given = self._held(database, wanted)
            if not given and not (broken := broken or room.take(wanted.calls, wanted.nano or 0)):
                given = wanted
                self._set_aside(database, wanted)
            answers.append(given)
        self.room = room.share()
        return answers, broken

    def _held(self, database: sqlite3.Connection, wanted: Reservation) -> Reservation | None:
        """What an earlier asking for the same call left."""
        name = (self.account, wanted.alias, wanted.call)
        found = wanted.call and database.execute(_HELD, name).fetchone()
        return Reservation(wanted.alias, 1, found[0], wanted.call) if found else None

    def _set_aside(self, database: sqlite3.Connection, wanted: Reservation) -> None:
        database.execute(_ADD, (self.account, *_whole(wanted)))
        if wanted.call:
            database.execute(_HOLD, (self.account, wanted.alias, wanted.call, wanted.nano))

    def _refuse_unpriced(self) -> None:
        for cap in self._caps:
            where = "where unpriced > 0 and account = coalesce(?, account)"
            found = self._store.row(f"select alias, unpriced from spent {where}", cap.account)
            if cap.column == "nano" and found:
                self._store.close()
                raise UserError(
                    f"{cap.key}: {found[1]} calls to {found[0]} were made while its price was unknown.",
                    hint=f"Leave the cap out, or move {self._store.path} away to count from now on.",
                )


def _whole(reservation: Reservation) -> _Change:
    unpriced = reservation.calls if reservation.nano is None else 0
    return (reservation.alias, reservation.calls, reservation.nano or 0, 0, 0, unpriced)


def _refuse(asked: Sequence[_Asked], error: BaseException) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)
