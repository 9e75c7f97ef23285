"""The ledger: books the cost of a project's calls, over all commands, and enforces the caps."""

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
_Request = tuple[Reservation, "asyncio.Future[Reservation]"]


class Ledger:
    """One file for all commands and processes of a project. Used on the event loop only.

    Before a call is sent, its highest cost is on the disk as spent; its reply corrects this to the real cost. So a
    killed process leaves nothing to repair: what it reserved stays spent. The caps are checked in the transaction that
    reserves, so no other process can intervene. Operations that come at the same moment share a commit. The file holds
    one line for each account and alias, whatever the number of calls, and one for each call that may be resumed, until
    it ends.

    Args:
        path: the file. account: what this process spends for (`compile`, or a run's id).
        budget: caps on all accounts together, for ever. run: caps on this account.

    `room` is the unspent share of the tightest cap at the last reservation; None without caps.

    Raises UserError if the file cannot be used (a file with broken pages is not repaired: lost spending would be spent
    again), or if a cap in dollars would have to count calls that were made while their price was unknown.
    """

    def __init__(self, path: Path, account: str, budget: Budget, run: RunSettings | None = None) -> None:
        self.account, self._store = account, Store(path, _SCHEMA, LEDGER)
        self._caps = caps("budget", budget.max_usd, budget.max_calls, None)
        if run:
            self._caps += caps("run", run.max_usd, run.max_calls, account)
        self._open, self._changes, self._ended = set[Reservation](), list[_Change](), list[Reservation]()
        self._requests: deque[_Request] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._stuck = False  # the first request did not fit, and no reservation was closed since
        self._broken = ""  # why a cap in dollars can no longer be kept
        self._refuse_unpriced()
        self.room = Room(self._caps, self._store.row).share()

    @property
    def counts_calls(self) -> bool:
        """Whether there is a cap on calls, so that free calls must be booked too."""
        return any(cap.column == "calls" for cap in self._caps)

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """Reserve the highest cost of calls, in the order of the requests; it is on the disk when this returns.

        `call` names a call that may outlive this process, such as one in a provider's batch. If any invocation reserved
        under this name, and that is neither settled nor freed, this reservation is returned again and nothing is added.
        A request that does not fit waits while this process has open reservations, since they may settle lower. Raises
        BudgetReached if it has none, UserError for an unknown price (None) under a cap in dollars.
        """
        if usd is None and any(cap.column == "nano" for cap in self._caps):
            raise UserError(
                f"{self._caps[0].key}: what a call to {alias} costs is unknown.",
                hint=f"Set models.{alias}.input_price, output_price (dollars per million tokens) and max_tokens.",
            )
        proposal = Reservation(alias, calls, None if usd is None else round(usd * NANO), call)
        future: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._requests.append((proposal, future))
        self._stuck &= not call  # an earlier reservation can be returned at once, even if others wait
        self._work()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and not future.exception():  # cancelled just as it was granted
                self._give_back(proposal, future.result())
            raise

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        """Book the real cost of a reply; None, for unknown, leaves the reservation unchanged.

        After a call that cost more than its reservation, nothing more is reserved under a cap in dollars: the highest
        cost of the next call is unknown too.
        """
        self._open.remove(reservation)
        self._ended.append(reservation)
        set_aside = reservation.nano or 0
        cost = set_aside if usd is None or reservation.nano is None else round(usd * NANO)
        if reservation.nano is not None and cost > set_aside:
            self._distrust(reservation, cost)
        self._changes.append((reservation.alias, 0, cost - set_aside, reservation.calls, cost, 0))
        self._closed()

    def free(self, reservation: Reservation) -> None:
        """Undo a reservation: the call certainly cost nothing."""
        self._open.remove(reservation)
        self._ended.append(reservation)
        calls, nano = reservation.calls, reservation.nano
        self._changes.append((reservation.alias, -calls, -(nano or 0), 0, 0, -calls if nano is None else 0))
        self._closed()

    def keep(self, reservation: Reservation) -> None:
        """Leave a reservation as spent: no reply came, and the call may have cost all of it."""
        self._open.remove(reservation)
        self._closed()

    async def totals(self, account: str | None = None) -> dict[str, Spending]:
        """Spending by alias, of one account or of the whole project, including pending operations."""
        await self._written()
        rows = self._store.rows(
            "select alias, sum(calls), sum(nano), sum(answered), sum(answered_nano), sum(unpriced) from spent "
            "where account = coalesce(?, account) group by alias",
            account,
        )
        return {
            alias: Spending(calls, None if unpriced else nano / NANO, calls - answered, (nano - answered_nano) / NANO)
            for alias, calls, nano, answered, answered_nano, unpriced in rows
        }

    async def aclose(self) -> None:
        """Write pending operations and close the file; open reservations stay spent."""
        await self._written()
        self._store.close()

    async def _written(self) -> None:
        if self._worker:
            await asyncio.shield(self._worker)

    def _distrust(self, reservation: Reservation, nano: int) -> None:
        cap = next((cap for cap in self._caps if cap.column == "nano"), None)
        if cap and not self._broken:
            cost, limit = f"${nano / NANO:.4f}", f"${(reservation.nano or 0) / NANO:.4f}"
            self._broken = (
                f"{cap.key} cannot be kept: a call to {reservation.alias} took {cost}, and its max_tokens allow {limit}"
            )

    def _give_back(self, proposal: Reservation, reservation: Reservation) -> None:
        """Free a new reservation, for which nothing was sent. Keep an earlier one, for which a call may have been
        sent."""
        (self.free if reservation is proposal else self.keep)(reservation)

    def _closed(self) -> None:
        self._stuck = False
        self._work()

    def _work(self) -> None:
        if not self._worker and self._to_do():
            self._worker = asyncio.create_task(self._commit_all())

    def _to_do(self) -> bool:
        return bool(self._changes or (self._requests and not self._stuck))

    async def _commit_all(self) -> None:
        try:
            while self._to_do():
                await self._commit()
        finally:
            self._worker = None

    async def _commit(self) -> None:
        """Do all pending operations in one transaction. If it fails, the reserved amounts stay spent."""
        changes, ended, self._changes, self._ended = self._changes, self._ended, [], []
        requests = [request for request in self._requests if not request[1].done()]  # done: cancelled while it waited
        self._requests.clear()
        self._stuck = True  # unless a reservation is closed meanwhile
        try:
            reservations, broken = await self._store.decide(
                lambda database: self._apply(database, changes, ended, [proposal for proposal, _ in requests])
            )
        except Exception as error:  # such as an amount too large for the database: all waiting requests get the error
            self._stuck = False
            _refuse(requests, error if isinstance(error, UserError) else self._unbooked(error))
            return
        for (proposal, future), reservation in zip(requests, reservations, strict=True):
            if reservation:
                self._open.add(reservation)
                if future.done():  # cancelled during the commit
                    self._give_back(proposal, reservation)
                else:
                    future.set_result(reservation)
        answers = zip(requests, reservations, strict=True)
        self._put_off([request for request, reservation in answers if not reservation], broken)

    def _unbooked(self, error: Exception) -> UserError:
        return UserError(
            f"{self._store.path} could not book what calls cost: {error}.",
            hint="Run the same command again; finished calls are kept.",
        )

    def _put_off(self, requests: Sequence[_Request], broken: str) -> None:
        """Requests that did not fit wait in their order. They are refused if no open reservation may settle lower."""
        if requests and (self._open or not self._stuck):
            self._requests.extendleft(reversed(requests))
            return
        self._stuck = False
        _refuse(requests, BudgetReached(broken))

    def _apply(
        self,
        database: sqlite3.Connection,
        changes: Sequence[_Change],
        ended: Sequence[Reservation],
        proposals: Sequence[Reservation],
    ) -> tuple[list[Reservation | None], str]:
        """The reservation for each request, and the cap that the first one without room would break. The requests after
        that one get no new reservation either."""
        database.executemany(_ADD, [(self.account, *change) for change in changes])
        database.executemany(_END, [(self.account, past.alias, past.call) for past in ended if past.call])
        room = Room(self._caps, lambda statement, *values: database.execute(statement, values).fetchone())
        reservations, broken = list[Reservation | None](), self._broken
        for proposal in proposals:
            reservation = self._earlier(database, proposal)
            if not reservation and not (broken := broken or room.take(proposal.calls, proposal.nano or 0)):
                reservation = proposal
                self._set_aside(database, proposal)
            reservations.append(reservation)
        self.room = room.share()
        return reservations, broken

    def _earlier(self, database: sqlite3.Connection, proposal: Reservation) -> Reservation | None:
        """The open reservation from an earlier request for the same call."""
        name = (self.account, proposal.alias, proposal.call)
        row = proposal.call and database.execute(_HELD, name).fetchone()
        return Reservation(proposal.alias, 1, row[0], proposal.call) if row else None

    def _set_aside(self, database: sqlite3.Connection, proposal: Reservation) -> None:
        database.execute(_ADD, (self.account, *_whole(proposal)))
        if proposal.call:
            database.execute(_HOLD, (self.account, proposal.alias, proposal.call, proposal.nano))

    def _refuse_unpriced(self) -> None:
        for cap in self._caps:
            where = "where unpriced > 0 and account = coalesce(?, account)"
            row = self._store.row(f"select alias, unpriced from spent {where}", cap.account)
            if cap.column == "nano" and row:
                self._store.close()
                raise UserError(
                    f"{cap.key}: {row[1]} calls to {row[0]} were made while its price was unknown.",
                    hint=f"Leave the cap out, or move {self._store.path} away to count from now on.",
                )


def _whole(reservation: Reservation) -> _Change:
    unpriced = reservation.calls if reservation.nano is None else 0
    return (reservation.alias, reservation.calls, reservation.nano or 0, 0, 0, unpriced)


def _refuse(requests: Sequence[_Request], error: BaseException) -> None:
    for _, future in requests:
        if not future.done():
            future.set_exception(error)
