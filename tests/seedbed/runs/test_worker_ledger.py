"""Money lent to workers: caps are hard over all of them, and a killed one costs what it may have spent."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.config.sections import Budget, RunSettings
from seedbed.errors import BudgetReached
from seedbed.runs.ray.worker_handle import Member
from seedbed.runs.ray.worker_ledger import WorkerLedger
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.caps import NANO
from seedbed.storage.journal import Journal
from seedbed.storage.ledger import Ledger

ENDS = ("settle", "free", "keep")
AMOUNTS = st.integers(1, 400).map(lambda thousandths: thousandths / 1000)  # dollars
CALLS = st.lists(st.tuples(st.integers(0, 1), AMOUNTS, st.floats(0, 1), st.sampled_from(ENDS)), max_size=12)


class Wired:
    """A worker's lease and the driver's end of it, in one process, joined as Ray would join them."""

    def __init__(self, folder: Path, number: int, journal: Journal, ledger: Ledger) -> None:
        self.log, self.alive = Log(folder / f"{number}.log"), True
        self.lease = WorkerLedger(self.log, counts_calls=ledger.counts_calls)
        self.member = Member(self._post, self.log.path, journal, ledger, print)
        self._pump = asyncio.ensure_future(self._hear())

    def _post(self, messages: Sequence[Any]) -> None:
        for message in messages if self.alive else ():
            self.lease.grant(message)

    async def _hear(self) -> None:
        while True:
            await self.member.hear(await self.log.news())

    async def die(self) -> None:
        """At this moment: what is in the log is there, and nobody hears or answers any more."""
        self.alive = False
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self.member.collect()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite")
    yield journal
    journal.close()


async def called(wired: Wired, most: float, share: float, end: str) -> tuple[str, float]:
    """A call from its reservation to its end; how it ended and what it cost."""
    reservation = await wired.lease.reserve("m", most)
    await asyncio.sleep(0.001)
    if end == "settle":
        wired.lease.settle(reservation, most * share)
    else:
        (wired.lease.free if end == "free" else wired.lease.keep)(reservation)
    return end, {"settle": most * share, "free": 0.0, "keep": most}[end]


@given(CALLS, st.booleans())
def test_no_cap_is_broken_by_several_workers_whichever_of_them_dies(
    tmp_path_factory: pytest.TempPathFactory, journal: Journal, calls: list[tuple[int, float, float, str]], dies: bool
) -> None:
    folder = tmp_path_factory.mktemp("lease")

    async def work() -> None:
        ledger = Ledger(folder / "ledger.sqlite", "run", Budget(max_usd=1.0), RunSettings())
        wired = [Wired(folder, number, journal, ledger) for number in (0, 1)]
        tasks = [asyncio.ensure_future(called(wired[number], *call)) for number, *call in calls]
        await asyncio.sleep(0.002)
        if dies:
            await wired[1].die()
            for (number, *_), task in zip(calls, tasks, strict=True):
                if number:
                    task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        await wired[0].die()
        spent = sum(one.usd or 0 for one in (await ledger.totals()).values())
        certain = [one for one in ended if not isinstance(one, BaseException)]
        await ledger.aclose()
        assert spent <= 1.0
        assert all(isinstance(one, tuple | BudgetReached | asyncio.CancelledError) for one in ended)
        assert spent >= sum(cost for _, cost in certain) - len(calls) / NANO
        if not dies:
            assert spent == pytest.approx(sum(cost for _, cost in certain), abs=len(calls) / NANO)
            refused = any(isinstance(one, BudgetReached) for one in ended)
            assert not refused or spent + max(most for _, most, *_ in calls) > 1.0

    asyncio.run(work())


def test_what_a_dead_worker_settled_is_booked_and_what_it_had_out_stays_spent(tmp_path: Path, journal: Journal) -> None:
    async def work() -> None:
        ledger = Ledger(tmp_path / "ledger.sqlite", "run", Budget(max_usd=1.0))
        wired = Wired(tmp_path, 0, journal, ledger)
        first, _ = await wired.lease.reserve("m", 0.4), await wired.lease.reserve("m", 0.3)
        wired._pump.cancel()  # nobody hears what comes now
        await asyncio.sleep(0)
        wired.lease.settle(first, 0.1)
        await wired.die()
        spending = (await ledger.totals())["m"]
        assert (spending.usd, spending.unanswered_usd) == (pytest.approx(0.4), pytest.approx(0.3))
        await ledger.aclose()

    asyncio.run(work())


def test_a_call_given_up_while_it_waits_for_money_takes_none(tmp_path: Path, journal: Journal) -> None:
    async def work() -> None:
        ledger = Ledger(tmp_path / "ledger.sqlite", "run", Budget(max_usd=1.0))
        wired = Wired(tmp_path, 0, journal, ledger)
        first = await wired.lease.reserve("m", 0.9)
        waits = asyncio.ensure_future(wired.lease.reserve("m", 0.5))
        await asyncio.sleep(0.02)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        wired.lease.settle(first, 0.2)
        last = await asyncio.wait_for(wired.lease.reserve("m", 0.8), 5)
        wired.lease.free(last)
        await wired.die()
        assert (await ledger.totals())["m"].usd == pytest.approx(0.2)
        await ledger.aclose()

    asyncio.run(work())
