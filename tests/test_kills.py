"""A run killed (-9) at random moments loses no row, doubles none, and gives the bytes of a run in one piece."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import kills
from mock_server import serving, stats
from run import write_project


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
    assert 0 < found["calls lost, so paid twice"] <= found["in flight at the kills, by the ledger"]


def test_no_kill_breaks_a_cap(tmp_path: Path) -> None:
    write_project(tmp_path, 400)
    moments, out, cap = random.Random(3), tmp_path / "ds", 300
    with serving() as address:
        command = [*kills.command_of(tmp_path, 200, 16, address), f"--set=run.max_calls={cap}"]
        losses = [kills.killed_once(command, out, moments, address) for _ in range(3)]
        kills.finished(command, out, code=1)
        assert sum(loss.lost for loss in losses if loss) > 0
        assert stats(address)["requests"] <= cap
