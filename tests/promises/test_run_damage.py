"""Whole runs among files that are damaged, forbidden or in use, and on a clock that goes wrong."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.broken_pages import PAGE, breaks, overwrites
from support.hostile import status
from support.served import KEY, Served, every, served

from seedbed.storage.journal import Journal

__all__ = ["served"]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, which is never a traceback."""
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    return printed


@pytest.mark.parametrize("place", [0.05, 0.5, 0.9])
def test_a_broken_page_of_the_journal_is_told_and_costs_no_row(
    served: Served, capsys: pytest.CaptureFixture[str], place: float
) -> None:
    assert served.run(rows=25) == 0
    first, calls, path = served.bytes(), len(served.server.bodies), served.base / "ds" / "journal.sqlite"
    overwrites(path, max(1, int(place * path.stat().st_size / PAGE)))
    shutil.rmtree(served.base / "ds" / "rows")
    if served.run(rows=25) == 2:  # met in the middle of the run, and mended by the next
        assert "Run the same command again" in said(capsys)
        assert served.run(rows=25) == 0
    assert "journal.sqlite had broken pages" in said(capsys)
    assert served.bytes() == first
    assert len(served.server.bodies) < calls + 15


@pytest.mark.parametrize("name", ["facts", "sqlite_autoindex_facts_1"])
def test_a_broken_page_begins_no_cap_anew(served: Served, name: str) -> None:
    assert served.run(rows=25, run__max_calls=3) == 1
    breaks(served.base / "ds" / "journal.sqlite", name)
    for _ in range(3):
        assert served.run(rows=25, run__max_calls=3) != 0
    assert len(served.server.bodies) == 3


def test_a_journal_cut_in_half_is_told_and_what_is_lost_is_asked_again(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served.run(rows=25) == 0
    first, calls, path = served.bytes(), len(served.server.bodies), served.base / "ds" / "journal.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert served.run(rows=25) == 0
    assert "records were saved" in said(capsys)
    assert served.bytes() == first
    assert calls < len(served.server.bodies) < 2 * calls


@pytest.mark.parametrize("name", ["ds/journal.sqlite", ".seedbed/ledger.sqlite", "ds/run.json"])
def test_a_file_that_is_beyond_repair_is_named_and_left_as_it_is(
    served: Served, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert served.run(rows=4) == 0
    calls, path = len(served.server.bodies), served.base / name
    path.write_bytes(b"these are my notes\n" * 500)
    assert served.run(rows=4) == 2
    assert path.name in said(capsys)
    assert path.read_bytes() == b"these are my notes\n" * 500
    assert len(served.server.bodies) == calls


def test_damaged_rows_are_written_again(served: Served) -> None:
    assert served.run(rows=8) == 0
    first, calls = served.bytes(), len(served.server.bodies)
    (served.base / "ds" / "rows" / "train-00000.parquet").write_bytes(b"PAR1 and no more")
    (served.base / "ds" / "rows" / ".train-00000.parquet.part").write_bytes(b"left by a kill")
    assert served.run(rows=8) == 0
    assert served.bytes() == first
    assert len(served.server.bodies) == calls


def test_a_second_process_on_the_folder_is_refused(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    held = Journal(served.base / "ds" / "journal.sqlite")
    assert served.run() == 2
    assert "in use by another seedbed process" in said(capsys)
    held.close()
    assert served.run() == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, to be made read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


@pytest.mark.parametrize("begun", [False, True])
def test_a_folder_that_cannot_be_written_is_named(
    served: Served, capsys: pytest.CaptureFixture[str], disk: Path, begun: bool
) -> None:
    if begun:
        assert served.run("disk/ds", 4) == 0
    calls = len(served.server.bodies)
    read_only(disk)
    assert served.run("disk/ds", 8) == 2
    assert f"Cannot write {disk / 'ds'}" in said(capsys)
    assert len(served.server.bodies) == calls


def test_a_project_that_cannot_be_written_is_named(
    served: Served, capsys: pytest.CaptureFixture[str], disk: Path
) -> None:
    project = disk / "project"
    shutil.copytree(served.base, project, ignore=shutil.ignore_patterns("disk"))
    read_only(disk)
    served.base = project
    assert served.run("../../out") == 2
    assert "Cannot write" in said(capsys)
    assert not served.server.bodies


def test_a_folder_named_with_dots_is_that_folder(served: Served) -> None:
    assert served.run("a/../b/./c") == 0
    assert len(served.rows("b/c")) == 8
    calls = len(served.server.bodies)
    assert served.run("b/c/../c") == 0
    assert len(served.server.bodies) == calls


def test_a_clock_that_is_set_back_changes_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    assert served.run("whole", rows=12) == 0
    started, told = time.time(), iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: started - 3600 * next(told))
    served.server.plan(every(5, status(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")))
    assert served.run(rows=6, run__max_minutes=1) == 0
    assert served.run(rows=12, run__max_minutes=1) == 0
    assert served.bytes() == served.bytes("whole")
    assert 0 <= served.report()["seconds"] < 60


@pytest.mark.parametrize("address", ["http://user:{}@localhost/v1", "http://localhost/v1?key={}", "{}"])
def test_a_key_in_an_address_is_refused_and_not_shown(
    served: Served, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert served.run(models__mock__api_base=address.format(KEY)) == 2
    printed = said(capsys)
    assert "models.mock.api_base: must be an http(s) address" in printed
    assert KEY not in printed


@pytest.mark.parametrize("key", ["", "sk-one\nsk-two", None])
def test_a_key_that_is_none_is_said_before_any_call(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.delenv("SERVED_KEY") if key is None else monkeypatch.setenv("SERVED_KEY", key)
    assert served.run() == 2
    printed = said(capsys)
    assert "$SERVED_KEY" in printed
    assert "sk-one" not in printed
    assert not served.server.bodies
