"""The journal: nothing is paid for twice, nothing finished is lost, and nobody else writes in it."""

import asyncio
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15
from hypothesis import given
from hypothesis import strategies as st
from support.counting import Counting, request, together
from support.paths import ROOT

from programs.core.background import run_sync
from programs.core.tools import using
from seedbed.errors import UserError
from seedbed.models.call_context import Scope, calling
from seedbed.models.layers.replayed import Replayed, place
from seedbed.storage.journal import Journal


@pytest.fixture
def engine(journal: Journal) -> Replayed:
    return Replayed(Counting(), "small", journal)


def told(engine: Replayed, text: str = "a", temperature: float | None = 0.0, **context: Any) -> str:
    with calling(**context):
        return str(run_sync(engine.complete(request(text, temperature))).text)


def test_the_same_call_again_is_replayed(engine: Replayed) -> None:
    assert [told(engine), told(engine), engine.engine.asked] == ["reply 1", "reply 1", ["a"]]


def test_a_replayed_call_costs_nothing(engine: Replayed, journal: Journal) -> None:
    told(engine), told(engine)
    tally = journal.tallies["small"]
    assert (tally.calls, tally.replayed, tally.input_tokens, tally.paid_input, tally.paid_output) == (2, 1, 10, 5, 2)


def test_a_reply_survives_the_process_whole(engine: Replayed, tmp_path: Path) -> None:
    first = run_sync(engine.complete(request()))
    engine.journal.close()
    again = Replayed(Counting(), "small", Journal(tmp_path / "journal.sqlite"))
    assert (run_sync(again.complete(request())), again.engine.asked) == (first, [])


def test_equal_calls_in_flight_are_made_once(engine: Replayed) -> None:
    texts = [reply.text for reply in together(engine, "a", "a", "a")]
    assert (texts, engine.engine.asked) == (["reply 1"] * 3, ["a"])


def test_equal_calls_in_flight_are_paid_once(engine: Replayed, journal: Journal) -> None:
    together(engine, "a", "a", "a")
    assert (journal.tallies["small"].replayed, journal.tallies["small"].paid_input) == (2, 5)


def test_a_failure_in_flight_reaches_everyone_who_waits(journal: Journal) -> None:
    replies = together(Replayed(Counting(failing=1), "small", journal), "a", "a")
    assert [type(reply) for reply in replies] == [lm15.ServerError] * 2


def test_a_call_that_is_given_up_does_not_take_its_twin_with_it(engine: Replayed) -> None:
    async def work() -> str | None:
        first, twin = (asyncio.create_task(engine.complete(request())) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return (await twin).text

    assert run_sync(work()) in ("reply 1", "reply 2")


def test_a_failed_call_is_not_kept(journal: Journal) -> None:
    engine = Replayed(Counting(failing=1), "small", journal)
    with pytest.raises(lm15.ServerError):
        told(engine)
    assert told(engine) == "reply 2"


class Cutting(Counting):
    """Its replies end at `max_tokens`."""

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return dataclasses.replace(await super().complete(request), finish_reason="length")


def test_a_reply_that_was_cut_off_is_replayed_too(journal: Journal) -> None:
    engine = Replayed(Cutting(), "small", journal)
    assert [told(engine), told(engine)] == ["reply 1", "reply 1"]


def test_draws_differ(engine: Replayed) -> None:
    assert [told(engine, draw=draw) for draw in (0, 1, 0)] == ["reply 1", "reply 2", "reply 1"]


def test_a_continuation_is_another_call(engine: Replayed) -> None:
    first = told(engine)
    with using(continues=True):
        assert [first, told(engine)] == ["reply 1", "reply 2"]


def test_at_temperature_0_candidates_share(engine: Replayed) -> None:
    assert [told(engine, scope=Scope(id)) for id in "xy"] == ["reply 1", "reply 1"]


@pytest.mark.parametrize("temperature", [0.0, None])
def test_at_temperature_0_occurrences_share(engine: Replayed, temperature: float | None) -> None:
    scope = Scope("x")
    assert [told(engine, temperature=temperature, scope=scope) for _ in range(2)] == ["reply 1", "reply 1"]


def test_above_temperature_0_candidates_never_share(engine: Replayed) -> None:
    assert [told(engine, temperature=0.7, scope=Scope(id)) for id in "xy"] == ["reply 1", "reply 2"]


def test_above_temperature_0_occurrences_count(engine: Replayed) -> None:
    scope = Scope("x")
    assert [told(engine, temperature=0.7, scope=scope) for _ in range(2)] == ["reply 1", "reply 2"]


def test_above_temperature_0_a_candidate_is_replayed_in_order(engine: Replayed) -> None:
    for scope in (Scope("x"), Scope("x")):
        replies = [told(engine, temperature=0.7, scope=scope) for _ in range(3)]
    assert replies == ["reply 1", "reply 2", "reply 3"]


def test_a_scope_knows_what_its_calls_said(engine: Replayed, journal: Journal) -> None:
    scope = Scope("x")
    told(engine, "a", scope=scope), told(engine, "b", scope=scope)
    assert [str(response).count("reply") for _, response in journal.made(scope.keys)] == [1, 1]


CALLS = st.tuples(st.text(max_size=3), st.integers(0, 3), st.booleans(), st.sampled_from([None, 0.0, 0.5]))


@given(CALLS, CALLS)
def test_keys_differ_exactly_when_calls_do(call: tuple[Any, ...], other_call: tuple[Any, ...]) -> None:
    def key(text: str, draw: int, continuation: bool, temperature: float | None) -> str:
        with calling(draw=draw), using(continues=continuation):
            return place("counting", request(f"-{text}", temperature)).key

    assert (key(*call) == key(*other_call)) == (call == other_call)


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from seedbed.models.layers.replayed import Replayed
from seedbed.storage.journal import Journal
from support.counting import Counting, request

async def main():
    engine = Replayed(Counting(), "small", Journal(Path(sys.argv[1])))
    for n in range(20):
        await engine.complete(request(str(n)))
        print(n, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
""".format(root=str(ROOT), tests=str(ROOT / "tests"))


def test_a_killed_process_loses_no_finished_call(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    killed = subprocess.run([sys.executable, "-c", DIES, path], capture_output=True, text=True)
    engine = Replayed(Counting(), "small", Journal(path))
    replies = [told(engine, str(n)) for n in range(20)]
    assert (killed.returncode, replies, engine.engine.asked) == (
        -signal.SIGKILL,
        [f"reply {n}" for n in range(1, 21)],
        [],
    )


def test_a_second_process_is_refused(engine: Replayed, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from seedbed.storage.journal import Journal; Journal(Path(sys.argv[1]))"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "journal.sqlite"], capture_output=True, text=True, cwd=ROOT
    )
    assert "UserError" in second.stderr
    assert "in use by another seedbed process" in second.stderr


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"these are my notes, not a database\n" * 100)
    with pytest.raises(UserError, match="cannot be read as a journal"):
        Journal(tmp_path / "journal.sqlite")


def test_a_database_of_something_else_is_no_journal(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("create table calls (number text)")
    db.close()
    with pytest.raises(UserError, match="cannot be read as a journal"):
        told(Replayed(Counting(), "small", Journal(tmp_path / "journal.sqlite")))


def test_a_damaged_journal_is_no_full_disk(engine: Replayed, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for n in range(200):
        told(engine, str(n))
    engine.journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(UserError, match="cannot be read as a journal"):
        told(Replayed(Counting(), "small", Journal(path)))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        Journal(tmp_path / "file" / "deeper" / "journal.sqlite")


def test_outcomes_are_kept_by_setup(journal: Journal) -> None:
    run_sync(journal.record("one setup", "id", {"scored": []}))
    assert [journal.outcome(setup, "id") for setup in ("one setup", "another")] == [{"scored": []}, None]


def test_replies_of_one_moment_share_commits(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    commits: list[int] = []
    honest = journal._store._commit
    journal._store._commit = lambda writes: (commits.append(len(writes)), honest(writes))[1]  # type: ignore[method-assign]
    together(Replayed(Counting(), "small", journal), *map(str, range(200)))
    journal.close()
    assert sum(commits) == 200
    assert len(commits) < 60
