"""The ledger and the book of batches, damaged on the disk: named, and never used in part."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from support.batch_server import BatchServer
from support.broken_pages import breaks
from support.waving import invocation, openai, told

from seedbed.config.sections import Budget
from seedbed.errors import UserError
from seedbed.models.batch.job_store import WaveBook
from seedbed.storage.ledger import Ledger

pytest_plugins = ("support.batch_fixtures",)


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def ledger(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.sqlite", "a", Budget(max_usd=1))


async def spends(folder: Path) -> None:
    open_ledger = ledger(folder)
    await asyncio.gather(*(open_ledger.reserve("m", 0.001, call=f"{k:032}") for k in range(200)))
    await open_ledger.aclose()


@pytest.mark.parametrize("name", ["spent", "held", "sqlite_autoindex_spent_1", "sqlite_autoindex_held_1"])
def test_a_ledger_with_a_broken_page_is_refused_for_good(tmp_path: Path, name: str) -> None:
    asyncio.run(spends(tmp_path))
    path = tmp_path / "ledger.sqlite"
    breaks(path, name)
    damaged = path.read_bytes()
    for _ in range(2):
        with pytest.raises(UserError, match="cannot be read as a ledger") as raised:
            ledger(tmp_path)
        assert "forgets all that was spent" in raised.value.hint
        assert path.read_bytes() == damaged


def test_a_file_that_is_closed_says_so(tmp_path: Path) -> None:
    book = WaveBook(tmp_path / "batches.sqlite")
    book.close()
    with pytest.raises(UserError, match=r"batches\.sqlite is closed"):
        book.jobs()
    with pytest.raises(UserError, match=r"batches\.sqlite is closed"):
        asyncio.run(book.open(["a"]))


@pytest.mark.parametrize("name", ["waves", "by_wave", "asked"])
def test_a_book_with_a_broken_page_is_refused_for_good(tmp_path: Path, name: str) -> None:
    path = tmp_path / "batches.sqlite"
    book = WaveBook(path)
    asyncio.run(book.open(["a", "b"]))
    book.close()
    breaks(path, name)
    damaged = path.read_bytes()
    for _ in range(2):
        with pytest.raises(UserError, match="cannot be read as a book of batches") as raised:
            WaveBook(path)
        assert "are paid again" in raised.value.hint
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("available", [True, False])
def test_a_reply_that_changed_in_the_book_is_fetched_or_asked_for_again(
    provider: BatchServer, tmp_path: Path, available: bool
) -> None:
    asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    (tmp_path / "journal.sqlite").unlink()
    change(tmp_path / "batches.sqlite", "update asked set reply = cast('{\"no\": 1}' as blob) where position = 2")
    sent = [] if available else ["row 2"]
    if not available:
        provider.forget()  # as providers do after a month
    jobs = len(provider.jobs)
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert [prompt for job in provider.jobs[jobs:] for prompt in job.prompts] == sent
    assert setting.online.asked == []
