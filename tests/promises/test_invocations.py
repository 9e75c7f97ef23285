"""What a later invocation may do to what an earlier one wrote: nothing, unless it came to an end of its own."""

import contextlib
import errno
import itertools
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.broken_pages import breaks_the_leaf_of
from support.hostile import status
from support.served import Served, every, served, well  # noqa: F401  # the fixture

from seedbed.errors import UserError
from seedbed.storage import repair as salvage
from seedbed.storage.journal import SCHEMA, Journal
from seedbed.storage.shards import shards as rows
from seedbed.storage.shards.place import Folder


def test_an_invocation_that_stops_short_leaves_the_rows_that_are_there(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert served.run(rows=8) == 0
    before, report = served.bytes(), served.report()
    assert served.run("ds", 8, run__max_calls=report["calls"], models__mock__temperature=0.4) == 1
    assert (served.bytes(), served.report()) == (before, report)
    assert "keeps the rows of an earlier invocation" in capsys.readouterr().err


STRICTER = {"models__mock__temperature": 0.4, "gates__relevance": 0.5}  # other replies, and another bar


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "SHARD", 4)


@pytest.mark.usefixtures("small_shards")
def test_an_invocation_that_stops_short_leaves_every_shard_that_is_there(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert served.run(rows=20) == 0
    before, report = served.bytes(), served.report()
    assert served.run("ds", 20, run__max_calls=report["calls"] + 24, **STRICTER) == 1
    assert len(before) > 5
    assert "ds keeps the rows of an earlier invocation, which are more than these" in capsys.readouterr().err
    assert (served.bytes(), served.report()) == (before, report)
    assert not list((served.base / "ds").rglob("*.new"))


@pytest.mark.usefixtures("small_shards")
def test_an_invocation_that_overtakes_leaves_nothing_of_an_earlier_one(served: Served) -> None:  # noqa: F811
    assert served.run("fresh", 30, models__mock__temperature=0.4) == 0
    whole = [row["id"] for row in served.rows("fresh")]
    assert served.run(rows=9) == 0
    assert served.run("ds", 30, run__max_calls=served.report()["calls"] + 45, models__mock__temperature=0.4) == 1
    report, ids = served.report(), [row["id"] for row in served.rows()]
    assert 9 < report["counts"]["accepted"] == len(ids) < 30
    assert set(ids) <= set(whole)
    assert len(served.rows(folder="rejected")) == report["counts"]["candidates"] - len(ids)


@pytest.mark.usefixtures("small_shards")
def test_a_later_invocation_that_comes_to_fewer_rows_in_the_end_replaces_all(served: Served) -> None:  # noqa: F811
    fewer = {**STRICTER, "run__max_candidates": 12}
    assert served.run(rows=20) == 0
    assert served.run("ds", 20, **fewer) == 1
    assert served.run("fresh", 20, **fewer) == 1
    assert served.bytes() == served.bytes("fresh")
    assert len(served.rows()) == served.report()["counts"]["accepted"] < 20


@pytest.mark.usefixtures("small_shards")
def test_rows_that_a_full_disk_kept_from_their_place_are_put_there_by_the_next_invocation(
    served: Served,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = {"models__mock__temperature": 0.4}
    assert served.run("fresh", 12, **other) == 0
    assert served.run(rows=12) == 0
    moves, move = itertools.count(), Folder.move

    def full(self: Folder, name: str, to: str) -> None:
        if next(moves):
            raise OSError(errno.ENOSPC, "No space left on device")
        move(self, name, to)

    with monkeypatch.context() as disk:
        disk.setattr(Folder, "move", full)
        assert served.run("ds", 12, **other) == 2
    assert "No space left" in capsys.readouterr().err
    assert served.run("ds", 12, run__max_calls=1, **STRICTER) == 1
    assert served.bytes() == served.bytes("fresh")
    assert not list((served.base / "ds").rglob("*.new"))


@pytest.mark.usefixtures("small_shards")
def test_an_invocation_that_goes_on_writes_no_shard_again(served: Served) -> None:  # noqa: F811
    assert served.run(rows=12) == 0
    full = {path: path.stat().st_mtime_ns for path in (served.base / "ds").rglob("*.parquet") if "00000" in path.name}
    assert served.run(rows=20) == 0
    assert {path: path.stat().st_mtime_ns for path in full if path.parent.name == "rows"} == {
        path: time for path, time in full.items() if path.parent.name == "rows"
    }


def test_a_finished_dataset_run_again_pays_nothing_and_stays_as_it_is(served: Served) -> None:  # noqa: F811
    served.server.plan(every(5, status(400)))
    assert served.run(rows=8) == 0
    before, content, calls = served.bytes(), served.report()["content"], len(served.server.bodies)
    assert "teacher failed" in served.report()["counts"]["rejected"]
    served.server.plan(well)
    assert served.run(rows=8) == 0
    assert (served.bytes(), served.report()["content"], len(served.server.bodies)) == (before, content, calls)
    assert served.run("again", 8, f"--replay={served.base / 'ds'}") == 0
    assert served.bytes("again") == before


def test_a_source_that_failed_is_tried_again_until_the_dataset_is_finished(served: Served) -> None:  # noqa: F811
    served.server.plan(every(5, status(400)))
    assert served.run(rows=8, run__max_calls=12) == 1
    assert "teacher failed" in served.report()["counts"]["rejected"]
    served.server.plan(well)
    assert served.run(rows=8) == 0
    assert "teacher failed" not in served.report()["counts"]["rejected"]


def test_a_url_holds_the_rows_of_one_run(served: Served, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    far = {"run__shards": f"file://{served.base}/far"}
    assert served.run("a", 6, **far) == 0
    before, calls = served.bytes("far"), len(served.server.bodies)
    assert served.run("b", 3, **far) == 2
    assert f"run.shards: {far['run__shards']} holds the rows of another run, a." in capsys.readouterr().err
    assert (served.bytes("far"), len(served.server.bodies)) == (before, calls)
    assert served.run("c", 6, f"--replay={served.base / 'a'}", **far) == 2
    assert served.bytes("far") == before
    assert served.run("a", 8, **far) == 0
    assert len(served.rows("far")) == 8


def test_a_run_keeps_its_url_when_its_folder_is_renamed(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    far = {"run__shards": f"file://{served.base}/far"}
    assert served.run("a", 6, **far) == 0
    assert served.run("copy", 6, f"--replay={served.base / 'a'}") == 0
    (served.base / "a").rename(served.base / "moved")
    assert served.run("moved", 8, **far) == 0
    before = served.bytes("far")
    assert len(served.rows("far")) == 8
    assert served.run("copy", 8, **far) == 2
    assert "holds the rows of another run, a." in capsys.readouterr().err
    assert served.bytes("far") == before


def test_a_url_with_rows_of_nobody_is_left_alone(served: Served) -> None:  # noqa: F811
    folder = served.base / "far" / "rows"
    folder.mkdir(parents=True)
    (folder / "train-00000.parquet").write_bytes(b"somebody's")
    assert served.run("a", 6, run__shards=f"file://{served.base}/far") == 2
    assert (folder / "train-00000.parquet").read_bytes() == b"somebody's"


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


@pytest.mark.parametrize(
    "other", [{"models__mock__completions": True}, {"models__mock__schema_enforced": False}, {"fallback__teacher": "b"}]
)
def test_what_was_made_is_made_again_where_it_could_be_another(served: Served, other: dict[str, Any]) -> None:  # noqa: F811
    served.change(lambda config: config["models"].update(b={**config["models"]["mock"], "model": "b"}))
    assert served.run(rows=8) == 0
    assert served.run("ds", 8, **other) == 0
    assert served.report()["replayed"] > 0


def test_what_a_run_writes_is_no_document_of_its_own(served: Served) -> None:  # noqa: F811
    out = "documents/made/ds"
    assert served.run(out, 8, run__max_calls=12) == 1
    assert (served.base / out / "README.md").is_file()
    assert served.run(out, 8) == 0
    documents = served.report(out)["counts"]["documents"]
    assert served.run("ds", 8) == 0
    assert (served.report()["counts"]["documents"], served.report()["counts"]["skipped"]) == (documents, [])
    assert served.bytes() == served.bytes(out)


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
        salvage.repaired(path, SCHEMA, whole="facts")
    monkeypatch.undo()
    salvage.repaired(path, SCHEMA, whole="facts")
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("select count(*) from setups").fetchone()[0] > 3900


def test_a_journal_of_an_older_version_is_named_before_anything_is_paid(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("create table calls (key text primary key, alias text, scope text, request blob, response blob)")
    db.close()
    with pytest.raises(UserError, match="older Seedbed"):
        Journal(tmp_path / "journal.sqlite")


def test_the_best_rows_are_shown_the_best_first(served: Served, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert served.run(rows=8) == 0
    said = capsys.readouterr().out
    asked = {row["question"]: row["score"] for row in served.rows()}
    shown = sorted((place, asked[question]) for question in asked if (place := said.find(question)) >= 0)
    assert [score for _, score in shown] == sorted(asked.values(), reverse=True)[:3]
