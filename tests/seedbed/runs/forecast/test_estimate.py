"""What a run will cost, through the command, and the arithmetic behind it."""

import json
import math
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import Hostile
from support.paths import TEACHER
from support.projects import project as project_of
from support.projects import short_passages

from seedbed.cli.main import main
from seedbed.config.models import ModelEntry
from seedbed.models.prices import Price
from seedbed.runs.forecast.forecast import Model, Range, Trial, Usage, acceptance, alias_bill, mean_range, needed, total

PRICED = ["--set", "models.small.input_price=2", "--set", "models.small.output_price=10"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project whose teacher is scripted."""
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    shutil.copy(TEACHER, folder / "teacher.py")
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = config.replace("model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py")
    (folder / "seedbed.yaml").write_text(short_passages(config), encoding="utf-8")
    return folder


def estimate(folder: Path, *more: str) -> int:
    return main(["estimate", "-c", str(folder / "seedbed.yaml"), "--uncompiled", *more])


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def calls(folder: Path) -> int:
    path = folder / "calls.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


def test_a_pilot_is_paid_once_and_tells_what_rows_take(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "-c", str(project / "seedbed.yaml"), "--uncompiled", "--rows", "3"]) == 0
    preview_calls = calls(project)
    capsys.readouterr()
    assert estimate(project, "--rows", "1000", "--json", *PRICED) == 0
    result = told(capsys)
    pilot, whole = result["pilot"], result["total"]
    assert (pilot["sources"], pilot["failed"], pilot["replayed"]) == (10, 0, preview_calls)
    assert pilot["calls"] == calls(project)
    assert result["sources"]["likely"] == pytest.approx(1000 * 10 / pilot["accepted"])
    assert whole["calls"]["likely"] == pytest.approx(1000 * pilot["calls"] / pilot["accepted"])
    tokens = {side: whole[f"{side}_tokens"]["likely"] for side in ("input", "output")}
    assert whole["dollars"]["likely"] == pytest.approx((2 * tokens["input"] + 10 * tokens["output"]) / 1e6)
    for figure in (result["sources"], *whole.values()):
        assert 0 < figure["low"] < figure["likely"] < figure["high"]

    paid = calls(project)
    assert estimate(project, "--rows", "1000", *PRICED) == 0
    text = capsys.readouterr().out
    assert calls(project) == paid
    assert f"{paid} calls, {paid} of them replayed; $0.00 paid" in text
    assert "for 1,000 accepted rows, with 95% ranges" in text


def test_an_unknown_price_is_said(project: Path, server: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    far = ["--set", "models.far.model=m", "--set", f"models.far.api_base={server.base}", "--set", "roles.judge=far"]
    assert estimate(project, "--rows", "50", "--pilot", "5", "--json", *far) == 0
    result = told(capsys)
    assert set(result["models"]) == {"small", "far"}
    assert result["models"]["small"]["dollars"]["likely"] == 0
    assert result["models"]["far"]["dollars"] is result["total"]["dollars"] is result["pilot"]["dollars"] is None
    assert any("models.far.input_price and output_price" in note for note in result["notes"])
    assert estimate(project, "--rows", "50", "--pilot", "5", *far) == 0
    out = capsys.readouterr().out
    assert "their price is unknown" in out
    assert "dollars     unknown" in out


def test_where_no_row_is_accepted_lower_bounds_alone_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "teacher.py").write_text("def reply(prompt, draw):\n    return 'no idea'\n", encoding="utf-8")
    assert estimate(project, "--rows", "100", "--json", *PRICED) == 1
    result = told(capsys)
    assert result["sources"]["likely"] is result["sources"]["high"] is result["total"]["dollars"]["likely"] is None
    assert result["sources"]["low"] == pytest.approx(100 / (1 - 0.025 ** (1 / 10)))
    assert result["total"]["dollars"]["low"] > 0
    assert estimate(project, "--rows", "100") == 1
    out = capsys.readouterr().out
    assert "no row was accepted; 100 of them take at least" in out
    assert "sources       at least 325" in out


def test_the_pilot_keeps_to_the_budget(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert estimate(project, "--set", "budget.max_calls=5") == 1
    assert calls(project) == 5
    assert "budget.max_calls: 5 is reached" in capsys.readouterr().err


def test_caps_and_sources_that_will_not_do_are_noted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert estimate(project, "--rows", "100000", "--json", "--set", "run.max_calls=500") == 0
    notes = told(capsys)["notes"]
    assert "run.max_calls: 500 may be reached before" in notes
    assert any(re.search(r"there are only [\d,]+ sources, of [\d,]+ passages", note) for note in notes)


def test_where_every_call_fails_the_reason_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "teacher.py").write_text("def reply(prompt, draw):\n    raise ValueError('out of ink')\n")
    assert estimate(project, "--pilot", "3") == 2
    err = capsys.readouterr().err
    assert "A call failed for every source of the pilot" in err
    assert "out of ink" in err


FAILS_AT_TIMES = """

import zlib
honest = reply


def reply(prompt, draw):
    if zlib.crc32(prompt.encode()) % 8 == 0:
        raise ValueError("out of ink")
    return honest(prompt, draw)
"""


def test_sources_that_failed_are_counted_apart(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (project / "teacher.py").open("a", encoding="utf-8") as file:
        file.write(FAILS_AT_TIMES)
    assert estimate(project, "--rows", "1000", "--json") == 0
    pilot = told(capsys)["pilot"]
    assert pilot["sources"] + pilot["failed"] == 10
    assert 0 < pilot["failed"] < 10


ONE = Model(ModelEntry(model="m", rpm=60), Price(1, 1), concurrency=4, busy=0)


def trials(passed: list[int], **used: Any) -> list[Trial]:
    return [Trial(str(n), rows, {"m": Usage(**used)}) for n, rows in enumerate(passed)]


def test_a_run_takes_as_long_as_what_holds_it_up_most() -> None:
    def hours(model: Model, **used: Any) -> float | None:
        return alias_bill(trials([1, 1, 1], **used), "m", model, Range(3600, 3600, 3600)).hours.likely

    def entry(**keys: Any) -> Model:
        return Model(ModelEntry(model="m", max_tokens=100, **keys), None, 4, busy=30)

    used = {"calls": 10, "input_tokens": 1000, "seconds": 40.0}  # three sources: 120 s in 30 s, all four slots at work
    assert hours(entry(), **used) == pytest.approx(10)
    assert hours(entry(rpm=30), **used) == pytest.approx(20)
    assert hours(entry(rpm=3000), **used) == pytest.approx(10)
    assert hours(entry(tpm=1000), **used) == pytest.approx(120)  # a call takes all of its max_tokens
    used["seconds"] = 80.0  # twice as many calls at once as slots: half the time they waited
    assert hours(entry(), **used) == pytest.approx(10)
    used["seconds"] = 20.0  # half as many as slots
    assert hours(entry(), **used) == pytest.approx(5)


def test_the_slowest_of_models_side_by_side_says_how_long() -> None:
    pilot = [Trial(str(n), 1, {"a": Usage(2, 10, 5, 1.0), "b": Usage(3, 20, 5, 7.0)}) for n in range(4)]
    models = {name: Model(ModelEntry(model="m"), Price(1, 0), 1, busy) for name, busy in (("a", 4), ("b", 28))}
    sources = needed(8, acceptance(pilot))
    bills = {alias: alias_bill(pilot, alias, model, sources) for alias, model in models.items()}
    whole = total(pilot, bills, models, sources)
    assert whole.hours == bills["b"].hours
    assert whole.calls.likely == pytest.approx(8 * 5)
    assert whole.dollars
    assert whole.dollars.likely == pytest.approx(8 * 30 / 1e6)


def test_of_one_source_no_width_is_known() -> None:
    assert needed(10, acceptance(trials([1]))).high is None
    assert mean_range([3.0]) == Range(3, 0, None)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=12), st.integers(1, 9))
def test_a_likely_value_is_inside_its_range(passed: list[int], rows: int) -> None:
    pilot = trials(passed, calls=2, input_tokens=3, seconds=1.0)
    sources = needed(rows, acceptance(pilot))
    for range_ in (sources, alias_bill(pilot, "m", ONE, sources).hours):
        assert range_.low > 0
        assert range_.likely is None or range_.low <= range_.likely
        assert range_.high is None or range_.likely is None or range_.likely <= range_.high
    assert (sources.likely is None) == (not sum(passed))


def test_ranges_hold_what_a_run_then_takes() -> None:
    """Sources of which 40% are accepted, at skewed costs, higher for the accepted: 0.95 at least of 200 pilots."""
    rng, covered = random.Random(0), 0
    for _ in range(200):
        passed = [int(rng.random() < 0.4) for _ in range(12)]
        costs = [rng.lognormvariate(0, 0.8) * (1 + rows) for rows in passed]
        pilot = [Trial(str(n), rows, {}) for n, rows in enumerate(passed)]
        range_ = needed(100, acceptance(pilot)) * mean_range(costs)
        true = 100 / 0.4 * math.exp(0.8**2 / 2) * (1 + 0.4)
        covered += range_.low <= true and (range_.high is None or true <= range_.high)
    assert covered >= 190


def test_a_feed_that_ends_too_soon_is_told_whatever_it_is_made_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project_of(tmp_path / "p", "evol-instruct")
    (folder / "prompts.jsonl").write_text('{"prompt": "Name a bird."}\n{"prompt": "Plan a walk."}\n', encoding="utf-8")
    capsys.readouterr()
    estimate(folder, "--rows", "100", "--json")
    assert "there are only 8 sources, of 2 rows" in told(capsys)["notes"]
