"""A journal damaged on the disk: what can be read of it is kept, what cannot is asked for again."""

import contextlib
import sqlite3
import tracemalloc
from pathlib import Path

import pytest
from broken_pages import breaks_the_leaf_of, overwrites
from test_journal import Counting, together

from seedbed import salvage
from seedbed.engines.journaled import Journaled
from seedbed.errors import UserError
from seedbed.journal import SCHEMA, Journal


def filled(path: Path, n: int = 400) -> None:
    journal = Journal(path)
    engine = Journaled(Counting(), "small", journal)
    together(engine, *map(str, range(n)))
    journal.close()


def asked_again(path: Path, n: int = 400) -> tuple[int, list[str]]:
    """How many of the kept calls a new session pays again, and what it tells people. Raises what stops it."""
    journal = Journal(path)
    engine = Journaled(Counting(), "small", journal)
    replies = together(engine, *map(str, range(n)))
    journal.close()
    for reply in replies:
        if isinstance(reply, UserError):
            raise reply
    return len(engine.engine.asked), journal.notes


@pytest.mark.parametrize("page", [2, 20, 35])
def test_a_broken_page_costs_its_own_records_alone(tmp_path: Path, page: int) -> None:
    path = tmp_path / "journal.sqlite"
    filled(path)
    overwrites(path, page)
    try:
        paid, notes = asked_again(path)
    except UserError:  # met after it was opened
        paid, notes = asked_again(path)
    assert paid < 60
    assert "broken pages" in "".join(notes)
    assert (tmp_path / "journal.sqlite.damaged").is_file()
    assert asked_again(path) == (0, [])


def test_pages_are_not_looked_through_when_a_journal_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    filled(path)
    breaks_the_leaf_of(path, b'"text":"199"')
    Journal(path).close()
    with pytest.raises(UserError, match="cannot be read as a journal") as raised:
        asked_again(path)
    assert "Run the same command again" in raised.value.hint
    paid, notes = asked_again(path)
    assert 0 < paid < 60
    assert "broken pages" in notes[0]


def test_mending_holds_no_table_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for n in range(20_000):
            db.execute("insert into calls (key, response) values (?, zeroblob(1500))", (f"number {n}",))
    for record in (b"number 9000", b"number 19999"):
        breaks_the_leaf_of(path, record)
    tracemalloc.start()
    salvage.salvaged(path, SCHEMA, whole="facts")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3_000_000
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("select count(*) from calls").fetchone()[0] > 19_990


def test_a_journal_whose_end_was_never_written_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    filled(path)
    path.write_bytes(path.read_bytes()[:-40_000])
    paid, notes = asked_again(path)
    assert 0 < paid < 300
    assert notes


def test_a_record_that_changed_on_the_disk_is_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    filled(path, 5)
    with sqlite3.connect(path) as db:
        (changed,) = db.execute("select response from calls where rowid = 3").fetchone()
        db.execute("update calls set response = ? where rowid = 3", (changed.replace(b"reply", b"rEply"),))
    db.close()
    paid, notes = asked_again(path, 5)
    assert paid == 1
    assert "changed on the disk" in notes[0]
