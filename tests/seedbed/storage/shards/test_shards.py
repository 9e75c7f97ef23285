"""Rows on disk: whole or absent, the same again, and loadable as a data set."""

import asyncio
import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import datasets
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.background import run_sync
from programs.core.row import Drop, Source
from programs.core.whole import write_whole
from programs.qa.grounded_qa import QA
from seedbed.config.sections import RunSettings
from seedbed.errors import UserError
from seedbed.runs.record.card import write_card
from seedbed.runs.rows import rejected, row
from seedbed.storage.row_schema import REJECTED, row_schema
from seedbed.storage.run_reader import find_row
from seedbed.storage.shards.place import Folder
from seedbed.storage.shards.remote_place import RemoteFolder
from seedbed.storage.shards.shards import SHARD, Shards

SCHEMA = pa.schema([("n", pa.int64())])
LICENCES = {"m": "Apache-2.0", "n": "MIT"}
SHARED = {
    "recipe": "grounded-qa",
    "teacher": "m",
    "stood_in": [],
    "judges": ["grounded"],
    "program": "p",
    "seeds": ["a"],
    "attempt": "a1",
    "index": 0,
    "position": 0,
    "input_tokens": 5,
    "output_tokens": 2,
    "dollars": 0.0,
}


def filled(folder: Path, count: int, name: str = "train") -> Shards:
    shards = Shards(Folder(folder), name, SCHEMA)
    for n in range(count):
        run_sync(shards.add({"n": n}))
    return shards


def scored(n: int, drop: Drop | None = None) -> Scored:
    origin = {"document": "d.md", "start": n, "end": n + 9, "text_hash": "h", "headings": ["A", "B"]}
    return Scored(
        Source(id=f"s{n}", group="d.md", inputs={}, origin=origin),
        QA(passage="It holds 5 litres.", question=f"What does tank {n} hold?", answer="5 litres — é𝔘"),
        Worth(score=0.75, parts={"support": 0.5, "grounded": 1.0}, reasons={"grounded": "it says so"}, drop=drop),
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_shard_is_written_at_once(tmp_path: Path) -> None:
    filled(tmp_path, SHARD + 1)
    assert names(tmp_path) == ["train-00000.parquet"]


def test_a_full_shard_is_written_though_the_run_is_stopped_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on, write = threading.Event(), threading.Event(), pq.write_table

    def slowly(*args: Any) -> None:
        started.set()
        assert go_on.wait(10)
        write(*args)

    async def stopped() -> Shards:
        shards = filled(tmp_path, 0)
        shards._rows, shards.count = [{"n": n} for n in range(SHARD - 1)], SHARD - 1
        adding = asyncio.ensure_future(shards.add({"n": SHARD - 1}))
        await asyncio.to_thread(started.wait, 10)
        adding.cancel()
        await asyncio.sleep(0)
        ended_early = adding.done()
        go_on.set()
        assert isinstance((await asyncio.gather(adding, return_exceptions=True))[0], asyncio.CancelledError)
        assert not ended_early
        return shards

    monkeypatch.setattr(pq, "write_table", slowly)
    asyncio.run(stopped()).close()
    assert pq.read_metadata(tmp_path / "train-00000.parquet").num_rows == SHARD


def test_closing_writes_what_is_left(tmp_path: Path) -> None:
    filled(tmp_path, SHARD + 1).close()
    counts = [pq.read_metadata(tmp_path / name).num_rows for name in names(tmp_path)]
    assert counts == [SHARD, 1]


def test_no_rows_give_no_file(tmp_path: Path) -> None:
    filled(tmp_path, 0).close()
    assert names(tmp_path) == []


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        filled(tmp_path / folder, SHARD + 5).close()
    first, second = ([path.read_bytes() for path in sorted((tmp_path / folder).iterdir())] for folder in ("one", "two"))
    assert first == second


def test_a_shorter_state_leaves_no_stale_shard(tmp_path: Path) -> None:
    filled(tmp_path, 2 * SHARD + 1).close()
    filled(tmp_path, 3).close()
    assert names(tmp_path) == ["train-00000.parquet"]


def test_shards_of_another_name_are_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 3, "validation").close()
    filled(tmp_path, 0, "train").close()
    assert names(tmp_path) == ["validation-00000.parquet"]


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaks(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", breaks)
    assert names(tmp_path) == []


def test_a_write_that_breaks_off_keeps_what_was_there(tmp_path: Path) -> None:
    def breaks(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise OSError

    (tmp_path / "file").write_bytes(b"whole")
    with pytest.raises(OSError):  # noqa: PT011
        write_whole(tmp_path / "file", breaks)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_folder_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Cannot write .*train-00000\.parquet"):
        filled(tmp_path / "file" / "rows", 1).close()


def test_equal_rows_have_equal_ids() -> None:
    assert row(scored(1), SHARED, LICENCES)["id"] == row(scored(1), SHARED, LICENCES)["id"]


def test_a_row_names_the_seeds_of_its_program_and_of_its_source() -> None:
    candidate = scored(1, Drop(step="veto", reason="wrong number"))
    candidate = dataclasses.replace(candidate, source=candidate.source.model_copy(update={"shown": ["b", "a"]}))
    assert row(candidate, SHARED, LICENCES)["lineage"]["seeds"] == ["a", "b"]
    assert rejected("r1", candidate, SHARED, LICENCES)["lineage"]["seeds"] == ["a", "b"]


def test_other_rows_have_other_ids() -> None:
    assert len({row(scored(n), SHARED, LICENCES)["id"] for n in range(50)}) == 50


def test_a_rejected_row_says_where_and_why(tmp_path: Path) -> None:
    drop = Drop(step="veto", reason="wrong number", detail="7")
    shards = Shards(Folder(tmp_path), "rejected", REJECTED)
    run_sync(shards.add(rejected("r1", scored(1, drop), SHARED, LICENCES)))
    shards.close()
    record = pq.read_table(tmp_path / "rejected-00000.parquet").to_pylist()[0]
    assert (record["step"], record["reason"]) == ("veto", "wrong number")
    lineage = record["lineage"]
    assert (lineage["source"], lineage["group"], lineage["spans"][0]["start"]) == ("s1", "d.md", 1)
    assert (lineage["attempt"], lineage["input_tokens"]) == ("a1", 5)


def report(splits: dict[str, int]) -> dict[str, Any]:
    counts = {"accepted": sum(splits.values()), "candidates": 9, "splits": splits, "rejected": {"off topic": 2}}
    config = {
        "models": {"m": {"model": "embedded/x"}},
        "roles": {"teacher": "m", "judge": None},
        "run": {"shards": None},
    }
    tokens = {"calls": 9, "input_tokens": 90, "output_tokens": 9}
    origin = {
        "program": "p",
        "compiled_for": ["small"],
        "metric": "q",
        "judges": [],
        "options": {},
        "variety": None,
        "extrinsic": None,
        "pairs": {},
        "warnings": [],
        "teachers": {},
        "stood_in": {},
        "ledger": {},
        "stopped": "the rows are accepted",
        "content": "c0ffee",
    }
    return {"recipe": "grounded-qa", "counts": counts, "config": config, **tokens, **origin}


@pytest.mark.parametrize(
    "splits", [{"train": SHARD + 2, "validation": 3}, {"train": 2}, {"validation": 1}], ids=["both", "train", "held"]
)
def test_load_dataset_gives_exactly_the_rows(tmp_path: Path, splits: dict[str, int]) -> None:
    rows_by_split = {}
    for split, count in splits.items():
        shards = Shards(Folder(tmp_path / "out" / "rows"), split, row_schema(QA))
        rows_by_split[split] = [row(scored(n), SHARED, LICENCES) for n in range(count)]
        for record in rows_by_split[split]:
            run_sync(shards.add(record))
        shards.close()
    drops = Shards(Folder(tmp_path / "out" / "rejected"), "rejected", REJECTED)
    run_sync(drops.add(rejected("r1", scored(1, Drop(step="veto", reason="off topic")), SHARED, LICENCES)))
    drops.close()
    write_card(tmp_path / "out", report(splits))
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.to_list() for split, rows in loaded.items()} == rows_by_split


FAR = "memory://bucket/ds/rows"


@pytest.fixture
def bucket() -> Any:
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()


def far(count: int, url: str = FAR, name: str = "train") -> Shards:
    shards = Shards(RemoteFolder(url), name, SCHEMA)
    for n in range(count):
        run_sync(shards.add({"n": n}))
    return shards


def test_shards_under_a_url_are_the_bytes_of_local_ones(bucket: Any, tmp_path: Path) -> None:
    far(SHARD + 5).close()
    filled(tmp_path, SHARD + 5).close()
    assert {path.rsplit("/", 1)[1]: bucket.cat(path) for path in bucket.find("/bucket")} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }


def test_a_shorter_state_leaves_no_stale_shard_under_a_url(bucket: Any) -> None:
    far(3, name="validation").close()
    far(SHARD + 1).close()
    far(3).close()
    assert bucket.find("/bucket") == [f"/bucket/ds/rows/{name}-00000.parquet" for name in ("train", "validation")]


@pytest.mark.parametrize("breaks", ["pipe_file", "mv"])
def test_a_put_that_breaks_off_leaves_nothing_and_is_a_mistake(
    bucket: Any, breaks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: str, data: Any, **how: Any) -> None:
        if breaks == "pipe_file":
            bucket.store.pop(path, None)
            with bucket.open(path, "wb") as file:
                file.write(data[:3])
        raise RuntimeError("the line went dead")

    monkeypatch.setattr(bucket, breaks, broken)
    with pytest.raises(UserError, match=r"Cannot write memory://bucket/ds/rows/train-00000.parquet: RuntimeError: the"):
        far(3).close()
    assert bucket.find("/bucket") == []


def test_an_object_store_gets_one_put_a_shard(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(bucket), "async_impl", True)
    monkeypatch.setattr(bucket, "mv", None)
    far(3).close()
    assert bucket.find("/bucket") == ["/bucket/ds/rows/train-00000.parquet"]


def test_a_storage_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"run\.shards: nowhere://b/rows cannot be opened"):
        far(1, "nowhere://b/rows")


@pytest.mark.parametrize(
    "url",
    [
        "rows",
        "s3://key:secret@bucket/ds",
        "s3://key:sec/ret@bucket/ds",
        "s3://token@bucket/ds",
        "https://token@host/ds",
        "ssh://user:secret@host/ds",
        "abfs://container@account:secret@host/ds",
        "simplecache::sftp://user:secret@host/ds",
        "dir::sftp://user@host/ds::s3://key:secret@bucket",
        "s3://key:se::cret@bucket/ds",
        "https://host/ds?sig=secret",
    ],
)
def test_a_url_holds_no_secret(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL without a password"):
        RunSettings(shards=url)


@pytest.mark.parametrize(
    "url",
    [
        "abfs://container@account.dfs.core.windows.net/ds",
        "abfss://container@account.dfs.core.windows.net/ds",
        "ssh://user@host:22/ds",
        "sftp://user@host/ds",
        "hdfs://user@host:9000/ds",
        "simplecache::sftp://user@host/ds",
        "s3://bucket/me@home/ds",
    ],
)
def test_a_url_may_name_an_account(url: str) -> None:
    assert RunSettings(shards=url).shards == url


def test_rows_under_a_url_load_by_the_card_and_are_found_by_id(tmp_path: Path) -> None:
    url, out = f"file://{tmp_path}/far", tmp_path / "out"
    out.mkdir()
    shards, drops = (
        Shards(RemoteFolder(f"{url}/rows"), "train", row_schema(QA)),
        Shards(RemoteFolder(f"{url}/rejected"), "rejected", REJECTED),
    )
    rows = [row(scored(n), SHARED, LICENCES) for n in range(3)]
    for record in rows:
        run_sync(shards.add(record))
    run_sync(drops.add(rejected("r1", scored(1, Drop(step="veto", reason="off topic")), SHARED, LICENCES)))
    shards.close()
    drops.close()
    run_report = report({"train": 3})
    run_report["config"]["run"]["shards"] = url
    write_card(out, run_report)
    (out / "run.json").write_text(json.dumps(run_report), encoding="utf-8")
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].to_list() == rows
    (found_row, accepted), (drop, drop_accepted) = find_row(out, rows[1]["id"]), find_row(out, "r1")
    assert (found_row, accepted, drop["id"], drop_accepted) == (rows[1], True, "r1", False)
