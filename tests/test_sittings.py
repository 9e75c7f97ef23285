"""What a later sitting may do to what an earlier one wrote: nothing, unless it came to an end of its own."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from broken_pages import breaks_the_leaf_of
from served import Served, served  # noqa: F401  # the fixture

from seedbed import salvage
from seedbed.errors import UserError
from seedbed.journal import SCHEMA, Journal


def test_a_sitting_that_stops_short_leaves_the_rows_that_are_there(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert served.run(rows=8) == 0
    before, report = served.bytes(), served.report()
    assert served.run("ds", 8, run__max_calls=report["calls"], models__mock__temperature=0.4) == 1
    assert (served.bytes(), served.report()) == (before, report)
    assert "keeps the rows of an earlier sitting" in capsys.readouterr().err


def test_a_replay_in_place_that_finds_nothing_leaves_the_rows_that_are_there(served: Served) -> None:  # noqa: F811
    assert served.run(rows=8) == 0
    before = served.bytes()
    assert served.run("ds", 8, f"--replay={served.base / 'ds'}", models__mock__temperature=0.4) == 1
    assert served.bytes() == before


def test_what_was_made_is_not_made_again_for_going_slower(served: Served) -> None:  # noqa: F811
    assert served.run(rows=8) == 0
    before, calls = served.bytes(), len(served.server.bodies)
    slower = {"models__mock__concurrency": 2, "models__mock__rpm": 600, "models__mock__patience": 5}
    assert served.run("ds", 8, **slower) == 0
    assert (served.bytes(), len(served.server.bodies), served.report()["replayed"]) == (before, calls, 0)


def test_a_kill_while_a_journal_is_mended_loses_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ds" / "journal.sqlite"
    Journal(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        insert = "insert into setups values (?, ?)"
        db.executemany(insert, [(f"name {n}", "x" * 50) for n in range(2000)])
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")
        db.executemany(insert, [(f"logged {n}", "x" * 50) for n in range(2000)])
        db.commit()
        shutil.copytree(path.parent, tmp_path / "killed")  # as a kill leaves it: half is in the log
    path = tmp_path / "killed" / path.name
    breaks_the_leaf_of(path, b"name 500x")
    monkeypatch.setattr(Path, "replace", lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        salvage.mended(path, SCHEMA, whole="facts")
    monkeypatch.undo()
    salvage.mended(path, SCHEMA, whole="facts")
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("select count(*) from setups").fetchone()[0] > 3900


def test_a_journal_of_an_older_version_is_named_before_anything_is_paid(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("create table calls (key text primary key, alias text, scope text, request blob, response blob)")
    db.close()
    with pytest.raises(UserError, match="older Seedbed"):
        Journal(tmp_path / "journal.sqlite")
