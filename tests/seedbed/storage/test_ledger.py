"""The ledger's one law: whatever happens, what may have been spent is never more than a cap, nor less than was."""

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seedbed.config.sections import Budget, RunSettings
from seedbed.errors import BudgetReached, UserError
from seedbed.storage.caps import NANO
from seedbed.storage.ledger import Ledger, Reservation


@asynccontextmanager
async def opened(
    folder: Path, account: str = "a", run: RunSettings | None = None, **caps: Any
) -> AsyncIterator[Ledger]:
    ledger = Ledger(folder / "ledger.sqlite", account, Budget(**caps), run)
    try:
        yield ledger
    finally:
        await ledger.aclose()


async def spent(ledger: Ledger, account: str | None = None) -> tuple[int, int]:
    """Calls, and nano-dollars."""
    totals = (await ledger.totals(account)).values()
    return sum(total.calls for total in totals), sum(round((total.usd or 0) * NANO) for total in totals)


def test_a_reply_corrects_what_was_set_aside(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as ledger:
            first, second, third, fourth = [await ledger.reserve("m", 0.5) for _ in range(4)]
            ledger.settle(first, 0.1)
            ledger.settle(second, None)  # no usage was given
            ledger.free(third)
            ledger.keep(fourth)
            total = (await ledger.totals())["m"]
            assert (total.calls, total.usd, total.unanswered, total.unanswered_usd) == (3, 1.1, 1, 0.5)

    asyncio.run(work())


def test_sums_are_exact(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, max_usd=0.1) as ledger:
            for _ in range(10):
                ledger.settle(await ledger.reserve("m", 0.01), 0.01)  # ten times 0.01 is more than 0.1 in floats
            with pytest.raises(BudgetReached, match=r"^budget\.max_usd: 0\.1 is reached$"):
                await ledger.reserve("m", 1e-9)
            ledger.settle(await ledger.reserve("free", 0.0), 0.0)  # what costs nothing fits

    asyncio.run(work())


def test_a_call_that_does_not_fit_waits_until_others_settle_low(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, max_usd=1) as ledger:
            assert not ledger.counts_calls
            first = await ledger.reserve("m", 0.9)
            second = asyncio.create_task(ledger.reserve("m", 0.5))
            third = asyncio.create_task(ledger.reserve("m", 0.05))  # would fit, but its turn comes after the second's
            assert await spent(ledger) == (1, 900_000_000)
            await asyncio.sleep(0.02)
            assert not second.done()
            assert not third.done()
            ledger.settle(first, 0.2)
            assert {(await second).nano, (await third).nano} == {500_000_000, 50_000_000}

    asyncio.run(work())


@pytest.mark.parametrize("end", ["settle", "keep"])
def test_where_nothing_is_in_flight_any_more_all_that_wait_are_refused(tmp_path: Path, end: str) -> None:
    async def work() -> None:
        async with opened(tmp_path, max_calls=2) as ledger:
            reservations = [await ledger.reserve("m", None), await ledger.reserve("m", None)]
            waiting = [asyncio.create_task(ledger.reserve("m", None)) for _ in range(3)]
            await asyncio.sleep(0.02)
            for reservation in reservations:
                assert not any(task.done() for task in waiting)
                ledger.keep(reservation) if end == "keep" else ledger.settle(reservation, None)
            over = await asyncio.gather(*waiting, return_exceptions=True)
            assert [str(error) for error in over] == ["budget.max_calls: 2 is reached"] * 3
            assert await spent(ledger) == (2, 0)

    asyncio.run(work())


def test_a_call_that_is_cancelled_before_it_was_granted_costs_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, max_calls=2) as ledger:
            at_once = asyncio.create_task(ledger.reserve("m", 1))
            await asyncio.sleep(0)  # its transaction is under way
            at_once.cancel()
            reservation = await ledger.reserve("m", 1, calls=2)
            waiting = asyncio.create_task(ledger.reserve("m", 1))
            await asyncio.sleep(0.02)
            waiting.cancel()
            ledger.free(reservation)
            assert await spent(ledger) == (0, 0)
            await ledger.reserve("m", 1, calls=2)

    asyncio.run(work())


def test_caps_are_of_the_whole_project_and_of_one_run(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, "compile", max_calls=5) as compile:
            assert compile.counts_calls
            for _ in range(3):
                compile.settle(await compile.reserve("m", 0.5), 0.5)
        async with opened(tmp_path, "run", RunSettings(max_usd=1), max_calls=5) as run:
            run.settle(await run.reserve("m", 0.9), 0.9)
            with pytest.raises(BudgetReached, match=r"run\.max_usd: 1 is reached"):
                await run.reserve("m", 0.2)
            run.settle(await run.reserve("m", 0.1), 0.1)
            with pytest.raises(BudgetReached, match=r"budget\.max_calls: 5 is reached"):
                await run.reserve("m", 0)
            assert await spent(run, "run") == (2, NANO)
            assert await spent(run) == (5, 2_500_000_000)
        async with opened(tmp_path, "run", RunSettings(max_usd=1), max_calls=9) as again:  # a later invocation
            with pytest.raises(BudgetReached, match=r"run\.max_usd"):
                await again.reserve("m", 0.1)

    asyncio.run(work())


def test_an_unknown_price_is_never_nought(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as ledger:
            ledger.settle(await ledger.reserve("m", None), None)
            assert (await ledger.totals())["m"].usd is None
        with pytest.raises(UserError, match=r"budget\.max_usd: 1 calls to m were made while its price was unknown"):
            Ledger(tmp_path / "ledger.sqlite", "a", Budget(max_usd=1))
        async with opened(tmp_path, "b", RunSettings(max_usd=1)) as other_run:  # a run of its own
            with pytest.raises(UserError, match=r"run\.max_usd: what a call to m costs is unknown"):
                await other_run.reserve("m", None)

    asyncio.run(work())


def test_a_call_that_goes_on_elsewhere_is_booked_once_over_all_sittings(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, max_usd=1) as ledger:
            await ledger.reserve("m", 0.6, call="job")  # and the process is gone
        async with opened(tmp_path, max_usd=1) as ledger:
            reservation = await ledger.reserve("m", 0.1)
            too_much = asyncio.create_task(ledger.reserve("m", 0.5))
            await asyncio.sleep(0.02)
            again = await asyncio.wait_for(ledger.reserve("m", 0.7, call="job"), 5)  # it fits, for it is booked
            assert again.nano == 600_000_000
            assert not too_much.done()
            stopped = asyncio.create_task(ledger.reserve("m", 0.6, call="job"))
            await asyncio.sleep(0)
            stopped.cancel()  # at the moment it is given out
            assert await spent(ledger) == (2, 700_000_000)
            ledger.keep(again)
            ledger.settle(await ledger.reserve("m", 0.6, call="job"), 0.2)
            ledger.free(reservation)
            await too_much
            assert await spent(ledger) == (2, 700_000_000)
            ledger.free(await ledger.reserve("m", 0.1, call="job"))  # settled, so it is another call now
            assert await spent(ledger) == (2, 700_000_000)
            assert await spent(ledger, "b") == (0, 0)

    asyncio.run(work())


def test_an_amount_that_cannot_be_booked_refuses_who_waits_and_no_one_after(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as ledger:
            reservation = await ledger.reserve("m", 0.5)
            waits = asyncio.create_task(ledger.reserve("m", 0.5))
            ledger.settle(reservation, 9e12)  # in one transaction with who waits
            with pytest.raises(UserError, match=r"ledger\.sqlite could not book what calls cost"):
                await asyncio.wait_for(waits, 5)
            ledger.settle(await asyncio.wait_for(ledger.reserve("m", 0.5), 5), 0.1)
            assert await spent(ledger) == (2, 600_000_000)  # the first one stays as it was set aside

    asyncio.run(work())


def test_where_the_ledger_cannot_be_written_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        Ledger(tmp_path / "file" / "ledger.sqlite", "a", Budget())


AMOUNTS = st.integers(0, 7)
CAPS = st.tuples(st.integers(1, 20) | st.none(), st.integers(1, 12) | st.none())
STEPS = st.lists(
    st.tuples(st.sampled_from(("reserve", "reserve", "settle", "free", "keep", "kill", "cancel")), AMOUNTS, AMOUNTS),
    max_size=25,
)


class Books:
    """What must be true of a ledger, kept in plain numbers: units of a nano-dollar."""

    def __init__(self, folder: Path, usd: int | None, calls: int | None) -> None:
        self.path, self.usd, self.calls = folder / "ledger.sqlite", usd, calls
        self.gone, self.gone_calls = 0, 0  # settled, kept, or left by the dead
        self.above, self.trusted = 0, True  # what replies took beyond what was set aside for them
        self.open: list[Reservation] = []
        self.asked: list[asyncio.Task[Reservation]] = []
        self.ledgers = [self.fresh()]

    def fresh(self) -> Ledger:
        return Ledger(self.path, "a", Budget(max_usd=self.usd and self.usd / NANO, max_calls=self.calls))

    async def step(self, action: str, which: int, amount: int) -> None:
        ledger = self.ledgers[-1]
        if action == "reserve":
            self.asked.append(asyncio.create_task(ledger.reserve(f"m{which % 2}", amount / NANO)))
        elif action == "kill":
            await self.kill()
        elif action == "cancel" and self.asked:
            self.asked.pop(which % len(self.asked)).cancel()
        elif self.open and action != "cancel":
            reservation = self.open.pop(which % len(self.open))
            cost = {"settle": amount, "free": 0, "keep": reservation.nano or 0}[action]
            if above := max(0, cost - (reservation.nano or 0)):
                self.above, self.trusted = self.above + above, self.usd is None
            self.gone, self.gone_calls = self.gone + cost, self.gone_calls + (action != "free")
            ledger.settle(reservation, cost / NANO) if action == "settle" else getattr(ledger, action)(reservation)

    async def kill(self) -> None:
        """The process is gone with what it had open; what it only asked for was never granted."""
        for task in self.asked:
            task.cancel()
        self.gone, self.gone_calls = self.gone + sum(r.nano or 0 for r in self.open), self.gone_calls + len(self.open)
        self.asked, self.open, self.trusted = [], [], True
        await self.ledgers[-1].totals()
        self.ledgers.append(self.fresh())

    async def check(self) -> None:
        await self.settled()
        reserved = sum(reservation.nano or 0 for reservation in self.open)
        assert await spent(self.ledgers[-1]) == (self.gone_calls + len(self.open), self.gone + reserved)
        assert self.usd is None or self.gone + reserved - self.above <= self.usd
        assert self.calls is None or self.gone_calls + len(self.open) <= self.calls
        assert self.open or not self.asked, "what waits, waits for something"

    async def settled(self) -> None:
        """Until the ledger has said yes or no to all it can."""
        await asyncio.sleep(0)
        await self.ledgers[-1].totals()
        await asyncio.sleep(0)
        for task in [task for task in self.asked if task.done()]:
            self.asked.remove(task)
            if isinstance(task.exception(), BudgetReached):
                assert not self.open, "refused while others were in flight"
            else:
                assert self.trusted, "set aside after a reply took more than was set aside for it"
                self.open.append(task.result())


@settings(max_examples=60)
@given(CAPS, STEPS)
@example((20, None), [("reserve", 0, 1), ("reserve", 0, 1), ("settle", 0, 5), ("settle", 0, 1), ("reserve", 0, 1)])
def test_spent_is_settled_and_open_and_never_beyond_a_cap(
    caps: tuple[int | None, int | None], steps: list[tuple[str, int, int]]
) -> None:
    async def work(folder: Path) -> None:
        books = Books(folder, *caps)
        for step in steps:
            await books.step(*step)
            await books.check()
        for task in books.asked:
            task.cancel()
        for ledger in books.ledgers:
            await ledger.aclose()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))


SPENDER = """
import asyncio, sys
from pathlib import Path
from seedbed.errors import BudgetReached
from seedbed.storage.ledger import Ledger
from seedbed.config.sections import Budget

async def call(ledger):
    held = await ledger.reserve("m", 0.01)
    print("sent", flush=True)
    if sys.argv[2] == "hang":
        await asyncio.sleep(60)
    ledger.settle(held, 0.01)

async def work():
    ledger = Ledger(Path(sys.argv[1]), sys.argv[2], Budget(max_usd=1))
    await asyncio.gather(*(call(ledger) for _ in range(80)), return_exceptions=True)
    await ledger.aclose()

asyncio.run(work())
"""


def spender(folder: Path, account: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SPENDER, str(folder / "ledger.sqlite"), account]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_cannot_both_take_the_last_of_it(tmp_path: Path) -> None:
    processes = [spender(tmp_path, "one"), spender(tmp_path, "two")]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert sum(out.count("sent") for out, _ in outputs) == 100, outputs

    async def work() -> None:
        async with opened(tmp_path, max_usd=1) as ledger:
            assert await spent(ledger) == (100, NANO)

    asyncio.run(work())


def test_what_a_killed_process_had_in_flight_stays_spent(tmp_path: Path) -> None:
    process = spender(tmp_path, "hang")
    assert process.stdout
    for _ in range(80):
        assert process.stdout.readline() == "sent\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)

    async def work() -> None:
        async with opened(tmp_path, max_usd=1) as ledger:
            total = (await ledger.totals())["m"]
            assert (total.calls, total.unanswered, total.usd) == (80, 80, 0.8)
            with pytest.raises(BudgetReached):
                await ledger.reserve("m", 0.21)
            await ledger.reserve("m", 0.2)

    asyncio.run(work())
