"""What batch mode books: a job that is taken up again is booked once, and what no job took is not booked at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dspy import lm15
from support.batch_server import BatchServer
from support.batch_wire import Fate

from seedbed.config.models import ModelEntry
from seedbed.config.sections import Budget
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.call_context import Scope
from seedbed.models.registry import Models
from seedbed.storage.journal import Journal
from seedbed.storage.ledger import Ledger, Spending

pytest_plugins = ("support.batch_fixtures",)

PROMPTS = [f"row {k}" for k in range(6)]


class Invocation:
    """One invocation of a batched run, with a ledger."""

    def __init__(self, folder: Path, base: str) -> None:
        entry = ModelEntry(model="m", api_base=base, max_tokens=1000, input_price=1.0, output_price=4.0)
        self.journal, self.book = Journal(folder / "journal.sqlite"), WaveBook(folder / "batches.sqlite")
        self.ledger = Ledger(folder / "ledger.sqlite", "a", Budget(max_calls=100))
        self.models = Models({"t": entry}, folder, self.journal, ledger=self.ledger, book=self.book)

    async def ask(self, prompt: str) -> lm15.Response:
        request = lm15.Request(
            model="m", messages=(lm15.Message.user(prompt),), config=lm15.Config(max_tokens=1000, temperature=0.7)
        )
        with self.models.waves.row(), Scope(prompt).open():
            return await self.models.lm("t").async_engine.complete(request)

    async def stopped(self, when: str) -> None:
        """Ask all, and stop before the job is sent or while it is waited for."""
        rows = [asyncio.create_task(self.ask(prompt)) for prompt in PROMPTS]
        while not (self.book.jobs() if when == "sent" else self.models.waves._waiting and await self.booked()):
            await asyncio.sleep(0.001)
        for row in rows:
            row.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*rows, return_exceptions=True)
        )

    async def failed(self) -> int:
        """Ask all; how many got no reply."""
        ends = await asyncio.gather(*map(self.ask, PROMPTS), return_exceptions=True)
        return sum(isinstance(end, lm15.ProviderError) for end in ends)

    async def booked(self) -> Spending | None:
        return (await self.ledger.totals()).get("t")


@asynccontextmanager
async def invocation(folder: Path, provider: BatchServer) -> AsyncIterator[Invocation]:
    opened = Invocation(folder, provider.base)
    try:
        yield opened
    finally:
        await opened.models.aclose()
        await opened.ledger.aclose()
        opened.book.close()
        opened.journal.close()


def test_a_job_that_was_stopped_three_times_is_booked_once(provider: BatchServer, tmp_path: Path) -> None:
    async def work() -> None:
        provider.plan(Fate(looks=10**6))
        for _ in range(3):
            async with invocation(tmp_path, provider) as opened:
                await opened.stopped("sent")
                assert (booked := await opened.booked())
                assert (booked.calls, booked.unanswered) == (6, 6)
        provider.finish()
        async with invocation(tmp_path, provider) as last:
            replies = await asyncio.gather(*map(last.ask, PROMPTS))
            usages = [reply.usage for reply in replies]
            paid = sum((usage.input_tokens or 0) * 1.0 + (usage.output_tokens or 0) * 4.0 for usage in usages) / 2e6
            assert sum(provider.paid.values()) == 6
            assert (booked := await last.booked())
            assert (booked.calls, booked.unanswered, booked.usd) == (6, 0, pytest.approx(paid))

    asyncio.run(work())


def test_what_was_stopped_before_it_was_sent_is_not_booked(provider: BatchServer, tmp_path: Path) -> None:
    async def work() -> None:
        async with invocation(tmp_path, provider) as opened:
            await opened.stopped("gathered")
            assert (booked := await opened.booked())
            assert (booked.calls, booked.usd, provider.jobs) == (0, 0, [])

    asyncio.run(work())


def test_an_answer_that_cannot_be_read_is_booked_in_every_wave_that_brought_one(
    provider: BatchServer, tmp_path: Path
) -> None:
    async def work() -> None:
        provider.plan(
            Fate(answer=lambda place: "unreadable" if place == 2 else "ok"), Fate(answer=lambda _: "unreadable")
        )
        for _ in range(2):  # the second time out of the book
            async with invocation(tmp_path, provider) as opened:
                assert await opened.failed() == 1  # online, where this provider serves nothing
                assert (booked := await opened.booked())
                assert [len(job.prompts) for job in provider.jobs] == [6, 1]
                assert (booked.calls, booked.unanswered) == (sum(provider.paid.values()), 2)

    asyncio.run(work())


def test_what_no_wave_answered_is_not_booked(provider: BatchServer, tmp_path: Path) -> None:
    async def work() -> None:
        provider.plan(Fate(answer=lambda place: "error" if place == 2 else "ok"), Fate(answer=lambda _: "expired"))
        async with invocation(tmp_path, provider) as opened:
            assert await opened.failed() == 1
            assert (booked := await opened.booked())
            assert [len(job.prompts) for job in provider.jobs] == [6, 1]
            assert (booked.calls, booked.unanswered) == (sum(provider.paid.values()), 0) == (5, 0)

    asyncio.run(work())
