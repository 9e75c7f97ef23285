"""A run's shards that take the place of an earlier invocation's: all of them or none, whatever stops the moves."""

import asyncio
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from programs.core.background import background_loop, run_sync
from programs.qa.grounded_qa import QA
from seedbed.errors import UserError
from seedbed.storage.row_schema import REJECTED, row_schema
from seedbed.storage.shards import shards as rows
from seedbed.storage.shards.place import Folder
from seedbed.storage.shards.remote_place import RemoteFolder
from seedbed.storage.shards.run_shards import RunShards

FAR = "memory://bucket/ds"
ROWS = row_schema(QA)
OLD, NEW = range(9), range(100, 107)  # five shards of the old rows, four of the new


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rows, "SHARD", 2)
    yield
    fsspec.filesystem("memory").store.clear()


def invocation(out: Path, url: str | None, marks: range) -> RunShards:
    """One with these rows, each beside one that is out; not finished."""
    shards = RunShards(out, url, ROWS, REJECTED, "me")
    for mark in marks:
        run_sync(shards.reject({"id": str(mark)}))
        run_sync(shards.accept({"id": str(mark)}, "validation" if mark % 3 == 0 else "train"))
    return shards


def there(out: Path, url: str | None) -> tuple[set[int], set[int]]:
    """Which rows are there, and which that are out."""
    fs, root = fsspec.url_to_fs(url or str(out))
    paths_by_name = {name: fs.glob(f"{root}/{name}/*.parquet") for name in ("rows", "rejected")}
    rows, rejected = (
        [int(id) for path in paths for id in pq.read_table(path, filesystem=fs)["id"].to_pylist()]
        for paths in paths_by_name.values()
    )
    assert len(rows) == len(set(rows))
    return set(rows), set(rejected)


def left(out: Path, url: str | None) -> list[str]:
    """Files beside the shards."""
    fs, root = fsspec.url_to_fs(url or str(out))
    return [path for path in fs.find(root) if not path.endswith((".parquet", "/owner"))]


def at_move(number: int, stop: Callable[[], object]) -> None:
    """Have this move of a shard, counted from 0, not happen and `stop` happen in its place."""
    count = itertools.count()
    for kind in (Folder, RemoteFolder):
        moves: Any = kind.move

        def move(self: Folder, name: str, to: str, moves: Any = moves) -> None:
            if next(count) == number:
                stop()
            moves(self, name, to)

        kind.move = move  # type: ignore[method-assign]


def killed(out: Path, url: str | None, number: int) -> None:
    """The life of a process that is killed before this move."""
    rows.SHARD = 2
    at_move(number, lambda: os._exit(9))
    invocation(out, url, NEW).finish(complete=True)


@pytest.mark.parametrize("far", [False, True], ids=["folder", "url"])
@pytest.mark.parametrize("number", [1, 4])
def test_a_swap_that_was_killed_is_finished_by_the_next_invocation(tmp_path: Path, number: int, far: bool) -> None:
    place = (tmp_path / "ds", f"file://{tmp_path}/far" if far else None)
    invocation(*place, OLD).finish(complete=True)
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(*place, number))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert not invocation(*place, range(3)).finish(complete=False)
    assert there(*place) == (set(NEW), set(NEW))
    assert left(*place) == []


class Killed(BaseException):
    """What stops an invocation of which nothing is run any more."""


def at_mv(number: int, bucket: Any) -> Any:
    """Another `mv` for a bucket, which stops at this shard put in place, counted from 0."""
    count, mv = itertools.count(), type(bucket).mv

    def stopped(self: Any, path: str, to: str) -> None:
        if path.endswith(".new") and next(count) == number:
            raise Killed
        mv(self, path, to)

    return stopped


@pytest.mark.parametrize("number", [0, 3])
def test_a_swap_under_a_url_never_lacks_a_shard_and_is_finished_by_the_next_invocation(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, bucket = (tmp_path / "ds", FAR), fsspec.filesystem("memory")
    invocation(*place, OLD).finish(complete=True)
    before = set(bucket.glob("/bucket/ds/r*/*.parquet"))
    with monkeypatch.context() as killing:
        killing.setattr(type(bucket), "mv", at_mv(number, bucket))
        killing.setattr(type(bucket), "async_impl", True)
        with pytest.raises(Killed):
            invocation(*place, NEW).finish(complete=True)
    assert before <= set(bucket.glob("/bucket/ds/r*/*.parquet"))
    assert not invocation(*place, range(3)).finish(complete=False)
    assert there(*place) == (set(NEW), set(NEW))
    assert left(*place) == []


def test_a_storage_that_does_not_answer_for_a_moment_loses_no_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, bucket = (tmp_path / "ds", FAR), fsspec.filesystem("memory")
    invocation(*place, OLD).finish(complete=True)
    with monkeypatch.context() as killing:
        killing.setattr(type(bucket), "mv", at_mv(2, bucket))
        with pytest.raises(Killed):
            invocation(*place, NEW).finish(complete=True)
    with monkeypatch.context() as breaking:
        breaking.setattr(bucket, "exists", lambda path: False)  # which is what fsspec makes of any error
        breaking.setattr(bucket, "ls", lambda path, **how: refuse())
        with pytest.raises(UserError, match="no answer"):
            invocation(*place, range(3))
    assert left(*place)
    invocation(*place, range(3)).finish(complete=False)
    assert there(*place) == (set(NEW), set(NEW))


def refuse() -> None:
    raise ConnectionError("no answer")


def test_a_storage_whose_move_does_not_replace_is_moved_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, bucket = (tmp_path / "ds", FAR), fsspec.filesystem("memory")
    mv = bucket.mv

    def particular(path: str, to: str) -> None:
        assert not bucket.exists(to)
        mv(path, to)

    invocation(*place, OLD).finish(complete=True)
    monkeypatch.setattr(bucket, "mv", particular)
    invocation(*place, NEW).finish(complete=True)
    assert there(*place) == (set(NEW), set(NEW))


@pytest.mark.parametrize("url", [None, FAR], ids=["folder", "url"])
def test_half_a_mark_swaps_nothing(tmp_path: Path, url: str | None) -> None:
    place = (tmp_path / "ds", url)
    invocation(*place, OLD).finish(complete=True)
    invocation(*place, NEW)
    assert left(*place)
    fs, root = fsspec.url_to_fs(url or str(place[0]))
    fs.pipe_file(f"{root}/swap.json", b'{"train": ["tr')
    invocation(*place, range(3)).finish(complete=False)
    assert there(*place) == (set(OLD), set(OLD))
    assert left(*place) == []


def full() -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("far", [False, True], ids=["folder", "url"])
def test_a_swap_that_met_an_error_is_finished_as_soon_as_it_can_be(
    tmp_path: Path, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = (tmp_path / "ds", f"file://{tmp_path}/far" if far else None)
    invocation(*place, OLD).finish(complete=True)
    for kind in (Folder, RemoteFolder):
        monkeypatch.setattr(kind, "move", kind.move)  # to be put back
    at_move(1, full)
    shards = RunShards(*place, ROWS, REJECTED, "me")
    for mark in range(100, 108):
        run_sync(shards.accept({"id": str(mark)}, "train"))
    with pytest.raises(UserError, match="No space left"):
        run_sync(shards.accept({"id": "108"}, "train"))
    assert shards.finish(complete=False)
    assert there(*place) == (set(range(100, 109)), set())
    assert left(*place) == []


def test_a_run_that_is_stopped_waits_for_shards_that_are_being_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, move = (tmp_path / "ds", None), Folder.move
    invocation(*place, OLD).finish(complete=True)
    shards, started, go_on = invocation(*place, range(100, 108)), threading.Event(), threading.Event()

    def slowly(self: Folder, name: str, to: str) -> None:
        started.set()
        assert go_on.wait(20)
        move(self, name, to)

    monkeypatch.setattr(Folder, "move", slowly)
    last = asyncio.run_coroutine_threadsafe(shards.accept({"id": "108"}, "train"), background_loop())
    assert started.wait(10)
    last.cancel()
    with ThreadPoolExecutor() as pool:
        finished = pool.submit(shards.finish, complete=False)
        early = wait([finished], timeout=0.5).done
        go_on.set()
        assert finished.result(20)
    assert not early
    assert there(*place) == (set(range(100, 109)), set(range(100, 108)))
    assert left(*place) == []


class Crowded:
    """A bucket at which another run begins at the moment at which one has seen that it holds nobody's rows."""

    def __init__(self, out: Path, bucket: Any) -> None:
        self.out, self.bucket, self.other = out, bucket, list[RunShards]()
        self._makedirs = bucket.makedirs

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self._makedirs(path, exist_ok)
        if not self.other:
            self.bucket.makedirs = self._makedirs
            self.other.append(RunShards(self.out, FAR, ROWS, REJECTED, "them"))


def test_of_two_runs_that_begin_at_once_at_one_url_the_later_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = fsspec.filesystem("memory")
    crowded = Crowded(tmp_path / "other", bucket)
    monkeypatch.setattr(bucket, "makedirs", crowded.makedirs)
    with pytest.raises(UserError, match="holds the rows of another run, other"):
        RunShards(tmp_path / "ds", FAR, ROWS, REJECTED, "me")
    assert crowded.other[0].finish(complete=True)


def test_where_a_storage_cannot_tell_who_was_first_the_run_that_lost_its_claim_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = fsspec.filesystem("memory")
    crowded = Crowded(tmp_path / "other", bucket)

    def only_writes(path: str, mode: str = "rb", **how: Any) -> Any:
        if mode == "xb":
            raise ValueError("unsupported file mode")
        return type(bucket).open(bucket, path, mode, **how)

    monkeypatch.setattr(bucket, "open", only_writes)
    monkeypatch.setattr(bucket, "makedirs", crowded.makedirs)
    shards = RunShards(tmp_path / "ds", FAR, ROWS, REJECTED, "me")
    run_sync(shards.accept({"id": "7"}, "train"))
    shards.finish(complete=True)
    other_shards, refused = crowded.other[0], "holds the rows of another run, ds"
    with pytest.raises(UserError, match=refused):
        other_shards.finish(complete=True)
    run_sync(other_shards.accept({"id": "0"}, "train"))
    with pytest.raises(UserError, match=refused):
        run_sync(other_shards.accept({"id": "1"}, "train"))
    assert there(tmp_path, FAR) == ({7}, set())


@pytest.mark.parametrize("call", ["ls", "cat_file"])
def test_rows_that_cannot_be_counted_are_not_taken_for_none(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, bucket = (tmp_path / "ds", FAR), fsspec.filesystem("memory")
    invocation(*place, range(2)).finish(complete=True)
    method = getattr(bucket, call)

    def silent(path: str, **how: Any) -> Any:
        return method(path, **how) if path.endswith(("owner", "swap.json", "/ds")) else refuse()

    monkeypatch.setattr(bucket, call, silent)
    with pytest.raises(UserError, match="no answer"):
        RunShards(*place, ROWS, REJECTED, "me")
