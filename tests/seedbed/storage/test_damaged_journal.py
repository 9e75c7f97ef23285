"""A journal damaged on the disk: what can be read of it is kept, what cannot is asked for again."""

import contextlib
import sqlite3
import tracemalloc
from pathlib import Path

import pytest
from support.broken_pages import breaks_the_leaf_of, overwrites
from support.counting import Counting, together
from support.served import Served, served  # noqa: F401  # the fixture

from seedbed.cli.main import main
from seedbed.errors import UserError
from seedbed.models.layers.replayed import Replayed
from seedbed.storage import repair as salvage
from seedbed.storage.journal import SCHEMA, Journal


def filled(path: Path, n: int = 400) -> None:
    journal = Journal(path)
    engine = Replayed(Counting(), "small", journal)
    together(engine, *map(str, range(n)))
    journal.close()


def asked_again(path: Path, n: int = 400) -> tuple[int, list[str]]:
    """How many of the kept calls a new session pays again, and what it tells people. Raises what stops it."""
    journal = Journal(path)
    engine = Replayed(Counting(), "small", journal)
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
    salvage.repaired(path, SCHEMA, whole="facts")
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


def cuts(path: Path, part: int) -> None:
    """Leave the first of so many parts of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // part])


def test_what_is_said_of_a_journal_without_its_end_helps(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert served.run(rows=12) == 0
    ids = {row["id"] for row in served.rows()}
    old, copy = served.base / "ds", ["new", 12, f"--replay={served.base / 'ds'}"]
    old_journal = old / "journal.sqlite"
    old_journal.write_bytes(old_journal.read_bytes()[:-9000])
    for _ in range(2):
        assert served.run(*copy) == 2
        assert "Run the same command without --out first" in capsys.readouterr().err
    main(["run", "-c", str(served.base / "seedbed.yaml"), "--uncompiled", "--rows=12", "--replay", str(old)])
    assert "records were saved" in capsys.readouterr().err
    served.run(*copy)
    assert served.rows("new")
    assert {row["id"] for row in served.rows("new")} <= ids


def test_a_copy_without_its_end_is_named_itself(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert served.run(rows=12) == 0
    assert served.run("new", 12, f"--replay={served.base / 'ds'}") == 0
    cuts(served.base / "new" / "journal.sqlite", 2)
    assert served.run("new", 12, f"--replay={served.base / 'ds'}") == 2
    assert f"{served.base}/new/journal.sqlite cannot be read" in capsys.readouterr().err
    assert served.run("other", 12, f"--replay={served.base / 'ds'}") == 0


def test_half_a_journal_is_mended_though_its_pages_give_records_that_none_asked_for(served: Served) -> None:  # noqa: F811
    assert served.run(rows=12) == 0
    before = served.bytes()
    cuts(served.base / "ds" / "journal.sqlite", 2)
    calls = len(served.server.bodies)
    assert served.run(rows=12) in (0, 2)
    assert served.run(rows=12) == 0
    assert served.bytes() == before
    assert len(served.server.bodies) - calls < calls
