"""Several workers give what one process gives, and cost no more: killed, capped, and taken up again."""

import asyncio
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import ray
from hypothesis import given
from hypothesis import strategies as st
from support.flaky import DONE
from support.killer import kill_a_worker
from support.projects import calls, project

from programs.core.background import run_sync
from seedbed.cli.main import main
from seedbed.config.models import ModelEntry
from seedbed.config.sections import Budget
from seedbed.errors import BudgetReached, TeacherDown, UserError
from seedbed.models.engines.embedded import check_memory
from seedbed.runs.ray import worker_log as log_module
from seedbed.runs.ray.driver import join, share
from seedbed.runs.ray.messages import Broken, Failure, Line, Settle, dumped, loaded
from seedbed.runs.ray.worker_handle import Member
from seedbed.runs.ray.worker_log import Log, read_log
from seedbed.storage.call import Call
from seedbed.storage.journal import Journal
from seedbed.storage.ledger import Ledger

HASHED = (
    "embedder=scripted/hashed-words",
    "gates.relevance=0.1",
)  # hashed words are less alike than meanings
ROWS, CONCURRENCY = 12, 8  # rows of a run; calls in flight at one worker, which the scripted engine sets


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("cluster") / "project")


@pytest.fixture(scope="module")
def local(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as one process makes it."""
    out = tmp_path_factory.mktemp("local") / "ds"
    assert run(base, out) == 0
    return out


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray for several runs, which join it."""
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


def run(base: Path, out: Path, *sets: str) -> int:
    told = [word for one in (*HASHED, *sets) for word in ("--set", one)]
    return main(
        ["run", "-c", str(base / "seedbed.yaml"), "--uncompiled", "--rows", str(ROWS), "--out", str(out), *told]
    )


def workers(base: Path, out: Path, *sets: str) -> int:
    return run(base, out, "run.engine=ray", "run.workers=2", *sets)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("r*/*.parquet")}


def kept(out: Path) -> int:
    """Calls in the journal."""
    return int(sqlite3.connect(out / "journal.sqlite").execute("select count(*) from calls").fetchone()[0])


def test_a_ray_of_our_own_is_begun_and_is_ours_to_end() -> None:
    assert join(1)
    assert ray.cluster_resources()["CPU"] == 1
    assert not join(1)
    ray.shutdown()


def test_a_cluster_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match=r"no Ray cluster at RAY_ADDRESS=127\.0\.0\.1:1"):
        join(1)


@pytest.mark.usefixtures("cluster")
def test_workers_give_the_same_files_as_one_process_and_pay_no_call_again(
    base: Path, local: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ds"
    known = leave_behind(out, local)
    paid = calls(base)
    assert workers(base, out) == 0
    assert files(out) == files(local)
    assert calls(base) - paid == kept(out) - known > 0
    assert not (out / "workers").exists()


def leave_behind(out: Path, made: Path) -> int:
    """Half of a run's calls, as workers of an invocation leave them that was killed before it heard of them."""
    log, lines = (
        Log(out / "workers" / "0-dead.log"),
        sqlite3.connect(made / "journal.sqlite").execute("select * from calls"),
    )
    half = lines.fetchall()[::2]
    for line in half:
        log.append(Call(*line))
    (out / "journal.sqlite").touch()
    return len(half)


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_the_calls_in_flight_alone(
    base: Path, local: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (base / "slow.txt").write_text("0.05", encoding="utf-8")
    paid, out = calls(base), tmp_path / "ds"
    killer = threading.Thread(target=kill_a_worker, args=(out / "workers",))
    killer.start()
    try:
        assert workers(base, out) == 0
    finally:
        (base / "slow.txt").unlink()
        killer.join()
    assert "died; what it had under way goes to the others" in capfd.readouterr().err
    assert files(out) == files(local)
    assert calls(base) - paid - kept(out) <= CONCURRENCY


@pytest.mark.usefixtures("cluster")
def test_a_row_that_failed_is_settled_with_the_dataset_it_is_a_part_of(base: Path, local: Path, tmp_path: Path) -> None:
    out, first = tmp_path / "ds", pq.read_table(next((local / "rows").glob("train-*.parquet"))).to_pylist()[0]
    (base / "refused.txt").write_text(first["question"].rstrip("?").split(" about ")[-1], encoding="utf-8")
    try:
        assert workers(base, out) == 0
    finally:
        (base / "refused.txt").unlink()
    rejected = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["rejected"]
    assert rejected["teacher failed"] >= 1
    made, paid = files(out), calls(base)
    assert workers(base, out) == 0
    assert (files(out), calls(base)) == (made, paid)


@pytest.mark.usefixtures("cluster")
def test_a_cap_holds_over_all_workers(base: Path, tmp_path: Path) -> None:
    paid, most = calls(base), 30
    assert workers(base, tmp_path / "ds", f"run.max_calls={most}") == 1
    report = json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))
    assert report["stopped"] == f"run.max_calls: {most} is reached"
    assert report["ledger"]["small"]["calls"] == calls(base) - paid
    assert most - CONCURRENCY <= calls(base) - paid <= most


def test_calls_taken_in_are_known_to_the_attempts_that_made_or_used_them(journal: Journal) -> None:
    made = Call.of("key", "m", "a", b"{}", DONE, 1.0, 0.5)
    run_sync(journal.index())
    run_sync(journal.take([made]))
    journal.describe("setup", {})
    run_sync(journal.record("setup", "b", {"calls": [["key", ""]]}))
    assert journal.get("key") == made.reply == (DONE, 0.5)
    assert [journal.made_for(id) for id in "abc"] == [[made], [made], []]


@given(st.lists(st.text(max_size=20), max_size=6), st.data())
def test_a_log_that_was_torn_gives_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, told: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "0.log"
    path.touch()
    log, ends = Log(path), [0]
    for one in told:
        log.append(Line(one))
        ends.append(path.stat().st_size)
    size = data.draw(st.integers(0, ends[-1]))
    os.truncate(path, size)
    assert [loaded(frame).text for frame in read_log(path)] == told[: sum(end <= size for end in ends) - 1]


def test_a_log_with_a_frame_that_changed_gives_what_stands_before_it(tmp_path: Path) -> None:
    log = Log(tmp_path / "0.log")
    for text in ("first", "second", "third"):
        log.append(Line(text))
    log.path.write_bytes(log.path.read_bytes().replace(b"second", b"SECOND"))
    assert [*map(loaded, read_log(log.path))] == [Line("first")]


def test_what_is_told_alone_is_not_kept_and_needs_no_file(tmp_path: Path) -> None:
    log = Log(tmp_path / "workers" / "0.log")

    async def heard() -> list[str]:
        log.tell(Line("opening the model"))
        return [loaded(frame).text for frame in await log.news()]

    assert asyncio.run(heard()) == ["opening the model"]
    assert not log.path.parent.exists()  # so that a worker killed while it opens its models leaves nothing behind
    log.append(Settle(1, 0.5))
    assert [*map(loaded, read_log(log.path))] == [Settle(1, 0.5)]


def test_a_log_that_grew_is_begun_anew_with_what_was_not_heard_of_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "LARGEST", 100)
    log, said = Log(tmp_path / "0.log"), [f"line {n} {'x' * 40}" for n in range(6)]

    async def two_more(first: int) -> list[str]:
        for line in said[first : first + 2]:
            log.append(Line(line))
        return [loaded(frame).text for frame in await log.news()]

    assert [asyncio.run(two_more(first)) for first in (0, 2, 4)] == [said[:2], said[2:4], said[4:]]
    assert [loaded(frame).text for frame in read_log(log.path)] == said[4:]


def test_a_full_disk_is_told_though_it_cannot_be_written(journal: Journal, tmp_path: Path) -> None:
    log = Log(Path("/dev/full"))
    with pytest.raises(UserError, match="Cannot write /dev/full: No space left"):
        log.append(Line("hello"))
    ledger = Ledger(tmp_path / "ledger.sqlite", "run", Budget())
    member = Member(print, log.path, journal, ledger, print)

    async def work() -> None:
        try:
            await member.hear(await log.news())
        finally:
            await ledger.aclose()

    with pytest.raises(UserError, match="No space left"):
        asyncio.run(work())


@given(st.integers(1, 500), st.integers(1, 20))
def test_shares_of_the_limits_add_up_to_them(concurrency: int, among: int) -> None:
    whole = ModelEntry(model="m", concurrency=max(concurrency, among), rpm=60, tpm=1000)
    shares = [share(whole, among, number) for number in range(among)]
    assert sum(one.concurrency for one in shares) == whole.concurrency
    assert sum(one.rpm or 0 for one in shares) == pytest.approx(60)
    assert sum(one.tpm or 0 for one in shares) == pytest.approx(1000)


@pytest.mark.parametrize(
    "error",
    [UserError("a", hint="b"), TeacherDown("c", hint="d"), BudgetReached("e")],
    ids=lambda one: type(one).__name__,
)
def test_what_stops_a_worker_stops_the_run_in_the_same_words(error: UserError) -> None:
    again = loaded(dumped(Broken(Failure.of(error)))).failure.error
    assert (type(again), str(again), again.hint) == (type(error), str(error), error.hint)  # type: ignore[attr-defined]


def test_workers_on_one_machine_share_its_cores_for_embedded_models() -> None:
    embedded, far = ModelEntry(model="embedded/smollm2-135m"), ModelEntry(model="m", api_base="http://localhost:1/v1")
    assert [share(embedded, 2, number, cores=8).threads for number in (0, 1)] == [4, 4]
    assert share(embedded, 4, 0, cores=2).threads == 1
    assert share(far, 2, 0, cores=8).threads is None
    assert share(embedded, 2, 0, cores=None).threads is None  # on other machines each has all that are there


def test_copies_of_a_model_that_do_not_fit_are_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [ModelEntry(model="embedded/smollm2-135m")]
    monkeypatch.setattr("seedbed.models.shelf.servers.free", lambda: 2_000_000_000)
    check_memory(entries, tmp_path, copies=3)  # 0.1 GB of weights once, and 0.5 GB three times
    monkeypatch.setattr("seedbed.models.shelf.servers.free", lambda: 1_000_000_000)
    with pytest.raises(UserError, match=r"3 copies of embedded/smollm2-135m: serving takes up to 1\.5 GB"):
        check_memory(entries, tmp_path, copies=3)


def test_limits_that_cannot_be_shared_are_a_mistake(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workers(base, tmp_path / "ds", "models.small.concurrency=1") == 2
    assert "cannot share models.small.concurrency: 1" in capsys.readouterr().err


def test_without_ray_it_is_said_how_to_get_it(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "seedbed.runs.ray.driver")
    assert workers(base, tmp_path / "ds") == 2
    assert 'pip install "seedbed[ray]"' in capsys.readouterr().err
