"""The ledger: what a project's calls cost, all its commands together, and the caps that no call may break."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.errors import BudgetReached, UserError
from seedbed.settings import Budget, RunSettings
from seedbed.store import Store

NANO = 1_000_000_000  # amounts are whole nano-dollars, so that sums are exact
_SCHEMA = """
create table if not exists spent (account text, alias text, calls integer, nano integer, answered integer,
                                  answered_nano integer, unpriced integer, primary key (account, alias)) without rowid
"""
_ADD = """
insert into spent values (?, ?, ?, ?, ?, ?, ?) on conflict do update set calls = calls + excluded.calls,
nano = nano + excluded.nano, answered = answered + excluded.answered,
answered_nano = answered_nano + excluded.answered_nano, unpriced = unpriced + excluded.unpriced
"""


@dataclass(frozen=True)
class Spending:
    """What calls took. `usd` is None where the price of some was unknown. `unanswered` of them, at `unanswered_usd`,
    brought no reply (yet, or ever: timeouts, broken connections, kills) and count as the most they can have cost."""

    calls: int
    usd: float | None
    unanswered: int
    unanswered_usd: float


@dataclass(frozen=True, eq=False)
class Reservation:
    """What is set aside for a call, or for several; `nano` is None where the price is unknown."""

    alias: str
    calls: int
    nano: int | None


class _Limit(NamedTuple):
    """A cap on all accounts, or on one; `of` says what it is on."""

    key: str
    column: str
    most: int
    account: str | None

    def sentence(self) -> str:
        most = f"{self.most / NANO:g}" if self.column == "nano" else f"{self.most}"
        return f"{self.key}: {most} is reached"


_Change = tuple[str, int, int, int, int, int]  # alias, then what to add to each column
_Asked = tuple[Reservation, "asyncio.Future[None]"]


class Ledger:
    """One file over all commands and processes of a project. Used on the event loop only.

    What a call can cost at most is on the disk as spent before the call is sent; its reply corrects that to what it
    did cost. So a process that is killed has nothing to make good: what it reserved stays spent. The caps are checked
    in the transaction that reserves, which no other process comes between, and the operations of one moment share a
    commit. The file holds one line for each account and alias, however many calls there are.

    Args:
        path: the file. account: what this process spends for (`compile`, or a run's id).
        budget: caps on all accounts together, for ever. run: caps on this account.

    `room` is what was left of the tightest cap, as a share of it, when something was last reserved; None without caps.

    Raises UserError where the file cannot be used, or where a cap in dollars would have to count calls that were made
    while their price was unknown.
    """

    def __init__(self, path: Path, account: str, budget: Budget, run: RunSettings | None = None) -> None:
        self.account, self._store = account, Store(path, _SCHEMA)
        self._limits = _limits("budget", budget.max_usd, budget.max_calls, None)
        if run:
            self._limits += _limits("run", run.max_usd, run.max_calls, account)
        self._open, self._changes = set[Reservation](), list[_Change]()
        self._asked: deque[_Asked] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._stuck = False  # the first of those asked for did not fit, and nothing was closed since
        self._refuse_unpriced()
        self.room = _share(self._limits, _left(self._limits, self._store.row))

    @property
    def counts_calls(self) -> bool:
        """Whether there is a cap on calls, so that those that cost nothing must be booked too."""
        return any(limit.column == "calls" for limit in self._limits)

    async def reserve(self, alias: str, usd: float | None, calls: int = 1) -> Reservation:
        """Set aside the most that calls can cost, in the order of asking; on the disk when it returns.

        What does not fit waits as long as reservations of this process are open, for they may settle lower. Raises
        BudgetReached where none is, UserError for an unknown price (None) under a cap in dollars.
        """
        if usd is None and any(limit.column == "nano" for limit in self._limits):
            raise UserError(
                f"{self._limits[0].key}: what a call to {alias} costs is unknown.",
                hint=f"Set models.{alias}.input_price, output_price (dollars per million tokens) and max_tokens.",
            )
        reservation = Reservation(alias, calls, None if usd is None else round(usd * NANO))
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append((reservation, granted))
        self._work()
        try:
            await granted
        except asyncio.CancelledError:
            if reservation in self._open:  # granted at the very moment
                self.free(reservation)
            raise
        return reservation

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        """A reply came and cost this much; None, which is unknown, leaves the reservation as it is."""
        self._open.remove(reservation)
        set_aside = reservation.nano or 0
        cost = set_aside if usd is None or reservation.nano is None else round(usd * NANO)
        self._changes.append((reservation.alias, 0, cost - set_aside, reservation.calls, cost, 0))
        self._closed()

    def free(self, reservation: Reservation) -> None:
        """The call certainly cost nothing."""
        self._open.remove(reservation)
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
        changes, self._changes = self._changes, []
        asked = [one for one in self._asked if not one[1].done()]  # the others were cancelled while they waited
        self._asked.clear()
        self._stuck = True  # unless a reservation is closed meanwhile
        try:
            granted, broken = await self._store.decide(
                lambda database: self._apply(database, changes, [reservation for reservation, _ in asked])
            )
        except Exception as error:  # an amount that no database holds, say: whoever waits must hear of it
            self._stuck = False
            _refuse(asked, error if isinstance(error, UserError) else self._unbooked(error))
            return
        for reservation, future in asked[:granted]:
            self._open.add(reservation)
            if future.done():  # cancelled while it was written: nothing is sent
                self.free(reservation)
            else:
                future.set_result(None)
        self._put_off(asked[granted:], broken)

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
        self, database: sqlite3.Connection, changes: Sequence[_Change], asked: Sequence[Reservation]
    ) -> tuple[int, str]:
        """How many of those asked for fit, the first ones, and the cap that the next one would break."""
        database.executemany(_ADD, [(self.account, *change) for change in changes])
        room = _left(self._limits, lambda statement, *values: database.execute(statement, values).fetchone())
        granted, broken = list[Reservation](), ""
        for reservation in asked:
            wanted = [reservation.calls if limit.column == "calls" else reservation.nano or 0 for limit in self._limits]
            tight = (limit for limit, want, left in zip(self._limits, wanted, room, strict=True) if want > max(left, 0))
            if limit := next(tight, None):
                broken = limit.sentence()
                break
            room = [left - want for left, want in zip(room, wanted, strict=True)]
            granted.append(reservation)
        database.executemany(_ADD, [(self.account, *_whole(reservation)) for reservation in granted])
        self.room = _share(self._limits, room)
        return len(granted), broken

    def _refuse_unpriced(self) -> None:
        for limit in self._limits:
            where = "where unpriced > 0 and account = coalesce(?, account)"
            found = self._store.row(f"select alias, unpriced from spent {where}", limit.account)
            if limit.column == "nano" and found:
                self._store.close()
                raise UserError(
                    f"{limit.key}: {found[1]} calls to {found[0]} were made while its price was unknown.",
                    hint=f"Leave the cap out, or move {self._store.path} away to count from now on.",
                )


def _limits(section: str, usd: float | None, calls: int | None, account: str | None) -> list[_Limit]:
    caps = {"max_usd": ("nano", usd and round(usd * NANO)), "max_calls": ("calls", calls)}
    return [_Limit(f"{section}.{key}", column, most, account) for key, (column, most) in caps.items() if most]


def _left(limits: Sequence[_Limit], row: Callable[..., Any]) -> list[int]:
    """What is left of each cap; `row(statement, *values)` asks the file."""
    statement = "select coalesce(sum({}), 0) from spent where account = coalesce(?, account)"
    return [limit.most - int(row(statement.format(limit.column), limit.account)[0]) for limit in limits]


def _share(limits: Sequence[_Limit], room: Sequence[int]) -> float | None:
    return min((left / limit.most for limit, left in zip(limits, room, strict=True)), default=None)


def _whole(reservation: Reservation) -> _Change:
    unpriced = reservation.calls if reservation.nano is None else 0
    return (reservation.alias, reservation.calls, reservation.nano or 0, 0, 0, unpriced)


def _refuse(asked: Sequence[_Asked], error: BaseException) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)
