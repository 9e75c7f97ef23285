"""A run killed (-9) at random moments loses no row, doubles none, and gives the bytes of a run in one piece."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import kills
import pytest
from aiohttp import web
from mock_server import serving, stats
from run import write_project
from support.hostile import Hostile
from support.served import well

ANSWERED, SLOTS = 40, 8


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of a run that was killed five times."""
    return kills.killed(tmp_path_factory.mktemp("kills"), 5, slots=24, seed=3)


def test_no_row_is_lost_and_none_doubled(found: dict[str, Any]) -> None:
    assert found["kills"] == 5
    assert (found["accepted rows"], found["accepted rows lost"], found["accepted rows doubled"]) == (150, 0, 0)


def test_the_files_are_those_of_a_run_in_one_piece_and_of_one_made_again_offline(found: dict[str, Any]) -> None:
    assert found["files equal to the run in one piece"]
    assert found["files equal to those made again offline"]


def test_a_kill_costs_calls_in_flight_alone(found: dict[str, Any]) -> None:
    assert found["in flight at the kills, by the server"] <= found["calls lost, so paid twice"]
    assert found["calls lost, so paid twice"] <= found["in flight at the kills, by the ledger"]


def test_what_was_in_flight_at_a_kill_is_paid_twice_and_nothing_else(tmp_path: Path, server: Hostile) -> None:
    async def holds(request: web.Request) -> web.StreamResponse:
        if len(server.bodies) > ANSWERED:
            await asyncio.sleep(600)
        return await well(request)

    write_project(tmp_path, 100)
    entry = {"concurrency": SLOTS, "api_base": server.base, "timeout": 600}
    sets = [f"--set=models.mock.{key}={json.dumps(value)}" for key, value in entry.items()]
    sets += ["--set=embedder=scripted/hashed-words", "--set=options.draws=1", "--rows=30"]
    command, out = ["run", "-c", str(tmp_path / "seedbed.yaml"), "--uncompiled", *sets], tmp_path / "ds"
    server.plan(holds)
    with kills.begun(command, out) as process:
        while kills.kept(out).calls < ANSWERED or server.inside < SLOTS:
            assert process.is_alive()
            time.sleep(0.01)
    assert kills.kept(out).calls == ANSWERED
    assert kills.kept(out).unanswered >= SLOTS
    in_flight = server.bodies[ANSWERED:]
    server.plan(well)
    kills.finished(command, out)
    asked = [json.dumps(body) for body in server.bodies]
    twice = [body for body in dict.fromkeys(asked) if asked.count(body) > 1]
    assert sorted(twice) == sorted(map(json.dumps, in_flight))
    kills.finished(command, tmp_path / "whole")
    assert kills.written(out) == kills.written(tmp_path / "whole")


def test_no_kill_breaks_a_cap(tmp_path: Path) -> None:
    write_project(tmp_path, 400)
    moments, out, cap = random.Random(3), tmp_path / "ds", 300
    with serving() as address:
        command = [*kills.command_of(tmp_path, 200, 16, address), f"--set=run.max_calls={cap}"]
        losses = [kills.killed_once(command, out, moments, address) for _ in range(3)]
        kills.finished(command, out, code=1)
        assert any(losses)
        assert stats(address)["requests"] <= cap
