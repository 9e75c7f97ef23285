"""A run of which nothing comes stops, says why, and goes on when it is told to."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.metric import Worth
from optimize.scoring import Scored
from programs.candidate import Drop, Source
from programs.grounded_qa import QA
from seedbed.attempts import Outcome, Try
from seedbed.cli.main import main
from seedbed.futility import FALSE_STOPS, LEAST, UNMEASURED, Futility, most_empty

UNREADABLE = 'def reply(prompt, draw):\n    return "Sure! What a text."\n'
FELL = Drop(step="veto", reason="off topic")


def outcome(drop: Drop | None, *, failed: bool = False, remembered: bool = False) -> Outcome:
    """A source of which one candidate came."""
    row = Scored(Source(id="s", group="g", inputs={}), QA(question="Who?", answer="Ann."), Worth(score=0, drop=drop))
    return Outcome("o", [Try("small", [row])], failed=failed, remembered=remembered)


@given(st.floats(0.001, 1))
def test_of_a_hundred_runs_at_what_was_measured_at_most_one_is_stopped(acceptance: float) -> None:
    most = most_empty(acceptance)
    assert (1 - acceptance) ** most <= FALSE_STOPS
    assert most == LEAST or (1 - acceptance) ** (most - 1) > FALSE_STOPS


def test_where_nothing_was_measured_forty_are_enough() -> None:
    assert most_empty(None) == most_empty(0.0) == UNMEASURED


def test_it_counts_what_was_made_anew_until_the_first_row() -> None:
    futility = Futility(2)
    for seen in (outcome(FELL, remembered=True), outcome(FELL, failed=True), outcome(None, remembered=True)):
        futility.see(seen)
    futility.see(outcome(FELL))
    assert futility.verdict is None
    futility.see(outcome(FELL))
    assert futility.verdict
    assert "nothing came of 2 candidates: off topic, 2 of them, such as 'Who? / Ann.'" in futility.verdict
    rich = Futility(1)
    for seen in (outcome(None), outcome(FELL), outcome(FELL)):
        rich.see(seen)
    assert rich.verdict is None


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A project whose teacher writes nothing that can be read."""
    assert main(["init", str(tmp_path / "project")]) == 0
    path = tmp_path / "project" / "seedbed.yaml"
    path.with_name("teacher.py").write_text(UNREADABLE, encoding="utf-8")
    text = path.read_text(encoding="utf-8").replace("embedded/qwen2.5-coder-0.5b", "scripted/teacher.py")
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_run_that_makes_nothing_stops_and_goes_on_when_told_to(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ds"
    words = ["run", "-c", config, "--uncompiled", "--out", str(out), "--set", "run.max_candidates=120"]

    def candidates(*more: str) -> int:
        assert main([*words, *more]) == 1
        return int(json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["candidates"])

    assert candidates() == 40
    stopped = json.loads((out / "run.json").read_text(encoding="utf-8"))["stopped"]
    assert stopped.startswith(
        "nothing came of 40 candidates: unreadable reply, 40 of them, such as 'Sure! What a text.'"
    )
    assert stopped in capsys.readouterr().out
    assert 80 <= candidates() < 110  # what is in the journal is not counted, a few that were ahead of the order with it
    assert candidates("--keep-going") == 120
    assert main(["run", "-c", config, "--replay", str(out), "--set", "run.max_candidates=120", "--uncompiled"]) == 1
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]["candidates"] == 120


def test_estimate_says_it_before(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["estimate", "-c", config, "--uncompiled", "--pilot", "4"])
    assert "none of its first 40 candidates is accepted" in capsys.readouterr().out
