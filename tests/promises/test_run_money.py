"""Whole runs with a budget: a cap is never exceeded, brings rows for its money, and can be raised; calls are kept.

A run can be made again from its journal, without a key, a call, or its rows.
"""

import asyncio
import json
import shutil
from typing import Any

import pytest
from aiohttp import web
from support.hostile import Behaviour, hangs, resets, status
from support.served import COST, MAX_TOKENS, OUTPUT_PRICE, Served, every, served, well

from seedbed.cli.main import main

__all__ = ["served"]
MOST = (3000 + MAX_TOKENS * OUTPUT_PRICE) / 1e6  # dollars, more than any call can cost here at 1.0 per prompt byte


def paid(served: Served) -> int:
    return len(served.server.bodies)


@pytest.mark.parametrize("usd", [0.004, 0.01, 0.03])
def test_no_bill_is_above_its_cap_and_most_of_it_goes_into_rows(
    served: Served, capsys: pytest.CaptureFixture[str], usd: float
) -> None:
    assert served.run(rows=50, run__max_usd=usd, models__mock__concurrency=32) == 1
    assert f"run.max_usd: {usd:g} is reached" in capsys.readouterr().out
    assert paid(served) * COST <= usd
    assert paid(served) * COST > usd - 2 * MOST
    rows = served.rows()
    assert 3 * len(rows) >= 0.6 * paid(served)  # calls; a row takes three


def test_timeouts_and_broken_connections_count_as_the_most_they_can_have_cost(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    served.server.plan(every(4, hangs))
    assert served.run(rows=50, run__max_usd=0.03, models__mock__timeout=0.1) == 1
    spent = served.report()["ledger"]["mock"]
    assert spent["unanswered"] >= paid(served) // 4
    assert spent["usd"] <= 0.03
    assert paid(served) * COST < spent["usd"]
    said = capsys.readouterr().out
    kept = f"mock: {spent['unanswered']} calls brought no reply, ${spent['unanswered_usd']:.4f} is kept as spent"
    assert kept in said
    assert kept in (served.base / "ds" / "README.md").read_text(encoding="utf-8")


def counting(usage: object) -> Behaviour:
    """Good replies that say they took these tokens."""

    async def behave(request: web.Request) -> web.StreamResponse:
        reply = await well(request)
        assert isinstance(reply, web.Response)
        return web.json_response(json.loads(reply.body or b"") | {"usage": usage})  # type: ignore[arg-type]

    return behave


def tokens(read: object, written: object) -> dict[str, object]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": None}


@pytest.mark.parametrize(
    "usage", [None, {}, tokens(0, 0), tokens(-500, -60), tokens("x", 5), tokens(10**30, 5), "none"]
)
def test_a_server_that_does_not_count_or_counts_nonsense_does_not_lift_the_cap(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float], usage: object
) -> None:
    served.server.plan(counting(usage))
    assert served.run(rows=20, run__max_usd=0.01) == 1
    assert 3 <= paid(served) <= 0.01 // (MAX_TOKENS * OUTPUT_PRICE / 1e6)
    assert 0.005 < served.report()["ledger"]["mock"]["usd"] <= 0.01
    if served.rows():
        assert "cost unknown" in capsys.readouterr().out
        assert served.rows()[0]["lineage"]["dollars"] is None


def test_a_server_that_writes_more_than_max_tokens_ends_the_run_with_a_sentence(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    async def talkative(request: web.Request) -> web.StreamResponse:
        return await (counting(tokens(400, 5000)) if paid(served) > 30 else well)(request)

    served.server.plan(talkative)
    assert served.run(rows=50, run__max_usd=1) == 1
    said = capsys.readouterr().out
    assert "run.max_usd cannot be kept: a call to mock took $0.0204, and its max_tokens allow $0.00" in said
    assert paid(served) <= 30 + 2 * 4  # those in flight, and as many that had their money
    spent = served.report()["ledger"]["mock"]["usd"]
    assert spent == pytest.approx(30 * COST + (paid(served) - 30) * 0.0204)
    assert len(served.rows()) >= 5


def test_without_a_cap_in_dollars_it_may(served: Served) -> None:
    served.server.plan(counting(tokens(400, 5000)))
    assert served.run(rows=8, run__max_calls=100) == 0


@pytest.mark.parametrize("calls", [1, 2, 20, 61])
def test_a_cap_on_calls_is_exact(served: Served, capsys: pytest.CaptureFixture[str], calls: int) -> None:
    assert served.run(rows=50, run__max_calls=calls, models__mock__concurrency=32) == 1
    assert paid(served) == calls
    assert f"run.max_calls: {calls} is reached" in capsys.readouterr().out
    assert len(served.rows()) >= calls // 4


def test_what_the_server_refused_does_not_count(served: Served, waits: list[float]) -> None:
    served.server.plan(every(3, status(429)))
    assert served.run(rows=50, run__max_calls=30) == 1
    assert served.report()["calls"] == 30


@pytest.mark.parametrize("code", [499, 502, 520])
def test_what_a_gateway_lost_after_the_model_may_have_worked_counts(
    served: Served, waits: list[float], code: int
) -> None:
    served.server.plan(status(code))
    assert served.run(rows=50, run__max_calls=3) == 1
    assert paid(served) == served.report()["ledger"]["mock"]["unanswered"] == 3


def test_a_raised_cap_goes_on_to_the_bytes_of_a_run_without_one(served: Served) -> None:
    for calls in (5, 17, 30):
        assert served.run(rows=14, run__max_calls=calls) == 1
    assert served.run(rows=14, run__max_usd=0.02) == 1
    assert served.run(rows=14) == 0
    assert served.run("whole", rows=14) == 0
    assert served.bytes() == served.bytes("whole")


def test_one_budget_holds_over_all_runs_of_a_project(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(lambda config: config.update(budget={"max_calls": 40}))
    assert served.run("a", rows=9) == 0
    assert served.run("b", rows=9) == 1
    assert "budget.max_calls: 40 is reached" in capsys.readouterr().out
    assert paid(served) == 40
    assert served.run("c", rows=9) == 1
    assert paid(served) == 40


def test_one_budget_holds_over_compile_and_run(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(served.base / "seedbed.yaml")
    served.change(lambda config: config.update(budget={"max_calls": 60}))
    assert main(["compile", "-c", config, "--set=compile.max_calls=20"]) in (0, 1)
    compiled = paid(served)
    assert 0 < compiled <= 60
    served.run(rows=50)
    assert paid(served) == 60


@pytest.mark.parametrize("section", ["run", "budget"])
def test_minutes_end_a_run_with_what_it_has(served: Served, capsys: pytest.CaptureFixture[str], section: str) -> None:
    async def stalls(request: web.Request) -> web.StreamResponse:
        if paid(served) > 40:
            await asyncio.sleep(600)
        return await well(request)

    served.server.plan(stalls)
    most = {f"{section}__max_minutes": 3 / 60, f"{'budget' if section == 'run' else 'run'}__max_minutes": 0.4}
    assert served.run(rows=50, models__mock__timeout=600, **most) == 1
    assert f"{section}.max_minutes: 0.05 is reached" in capsys.readouterr().out
    assert served.report()["seconds"] < 300
    assert served.rows()


def test_a_run_is_made_again_without_key_calls_or_rows(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.run(rows=10, options__draws=2) == 0
    first, calls = served.bytes(), paid(served)
    monkeypatch.delenv("SERVED_KEY")
    shutil.rmtree(served.base / "ds" / "rows")
    for out in ("ds", "elsewhere"):
        assert served.run(out, 10, "--replay", str(served.base / "ds"), options__draws=2) == 0
        assert served.bytes(out) == first
    assert paid(served) == calls


def test_a_run_that_a_limit_stopped_is_made_again_to_the_same_place(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    served.server.plan(every(7, resets))
    assert served.run(rows=12, run__max_calls=25) == 1
    assert served.run("again", 12, "--replay", str(served.base / "ds")) == 1
    assert "the journal holds no more" in capsys.readouterr().out
    assert served.bytes("again") == served.bytes()


def test_a_replay_never_takes_the_rows_of_the_run_that_is_there_for_those_it_was_asked_for(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served.run("one", 4, run__random_seed=1) == 0
    assert served.run("other", 4, run__random_seed=2) == 0
    first = served.bytes("other")
    assert served.run("other", 4, "--replay", str(served.base / "one"), run__random_seed=1) == 2
    assert "other holds another run than" in capsys.readouterr().err
    assert served.bytes("other") == first


def test_a_replay_killed_while_it_copies_the_journal_copies_it_again(served: Served) -> None:
    assert served.run(rows=4) == 0
    (served.base / "new").mkdir()
    (served.base / "new" / ".journal.sqlite.part").write_bytes(b"half of it")
    assert served.run("new", 4, "--replay", str(served.base / "ds")) == 0
    assert served.bytes("new") == served.bytes()
    assert sorted(path.name for path in (served.base / "new").glob(".*")) == []


def test_other_gates_ask_for_nothing_that_was_asked_before(served: Served) -> None:
    assert served.run(rows=60) == 1  # all passages
    calls, rows = paid(served), len(served.rows())
    for sets in ({"gates__relevance": 0.3}, {"gates__round_trip": 0.9}, {"gates__near_duplicate": 0.5}):
        served.run(rows=60, **sets)
        assert paid(served) == calls
        assert len(served.rows()) <= rows


def test_a_judge_brought_in_later_costs_its_own_calls_alone(served: Served) -> None:
    def asked(config: dict[str, Any]) -> None:
        config["gates"]["judges"] = ["grounded"]

    assert served.run(rows=60) == 1
    calls = paid(served)
    served.change(asked)
    assert served.run(rows=60) == 1
    texts = [str(body["messages"][-1]["content"]) for body in served.server.bodies]
    assert paid(served) > calls
    assert not set(texts[:calls]) & set(texts[calls:])
