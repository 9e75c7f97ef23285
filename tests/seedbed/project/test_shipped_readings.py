"""What models of the shelf said of the shipped verdicts ships, so that a first compile asks only about the user's."""

import random
from pathlib import Path

import pytest
import readings
from dspy.lm15 import Response

from programs.core.background import run_sync
from seedbed.config.models import ModelEntry
from seedbed.dspy_internals import request_from_dict, response_from_dict
from seedbed.models.engines.embedded import EmbeddedEngine
from seedbed.project.session import Session
from seedbed.project.template import write_project
from seedbed.storage import shipped
from seedbed.storage.shipped import SHELF, reading, reading_line, readings_file

NEAR = 0.1  # of a log-probability, on another machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path / "project", "grounded-qa")
    return tmp_path / "project"


def session(folder: Path, model: str, *, offline: bool = True) -> Session:
    return Session(readings.project(folder, model), folder / ".seedbed" / "journal.sqlite", offline=offline)


@pytest.mark.parametrize("model", readings.MODELS)
def test_a_first_calibration_on_what_ships_asks_no_model(model: str, folder: Path) -> None:
    with session(folder, model) as opened:
        keys = readings.asked(opened)  # offline: a call that does not ship would end it
        assert len(keys) == len(readings_file(model).read_text(encoding="utf-8").splitlines())
        assert opened.journal.tallies[model].seconds > 10  # as long as it took when it was read


@pytest.mark.parametrize("model", readings.MODELS)
def test_nothing_of_the_machine_ships(model: str) -> None:
    text = readings_file(model).read_text(encoding="utf-8")
    assert "gguf" not in text
    assert "/root" not in text
    assert "chatcmpl" not in text


def test_what_is_kept_of_a_reply_is_what_a_judge_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yes, no = {"token": "yes", "logprob": -0.25}, {"token": "no", "logprob": -2}
    reply = response_from_dict(
        {
            "id": "chatcmpl-1",
            "model": "/somewhere/model.gguf",
            "message": {"role": "assistant", "parts": [{"type": "text", "text": "yes"}]},
            "finish_reason": "length",
            "usage": {"input_tokens": 211, "output_tokens": 1, "total_tokens": 212},
            "logprobs": [{**yes, "top": [yes, no]}],
        }
    )
    (tmp_path / "tiny.jsonl").write_bytes(reading_line("ab", reply, 1.5) + b"\n")
    monkeypatch.setattr(shipped, "readings_file", lambda model: tmp_path / f"{model}.jsonl")
    shipped._lines.cache_clear()
    shipped_reply = reading("embedded/tiny|0123", "ab")
    assert shipped_reply is not None
    assert (shipped_reply[0].message, shipped_reply[0].finish_reason, shipped_reply[1]) == (
        reply.message,
        "length",
        1.5,
    )
    assert shipped_reply[0].logprobs == reply.logprobs
    assert (shipped_reply[0].usage.input_tokens, shipped_reply[0].usage.output_tokens) == (211, 1)
    assert reading("embedded/tiny|0123", "cd") is None
    assert reading("embedded/other|0123", "ab") is None
    assert reading("http://here/v1|tiny", "ab") is None
    shipped._lines.cache_clear()


@pytest.mark.embedded
def test_a_few_calls_asked_again_say_what_ships(folder: Path) -> None:
    with session(folder, readings.TEACHER) as opened:
        keys = readings.asked(opened)
        calls = opened.journal.made(random.Random(0).sample(keys, 3))

    async def again() -> list[Response]:
        engine = EmbeddedEngine(ModelEntry(model=SHELF + readings.TEACHER), Path())
        try:
            return [await engine.complete(request_from_dict(request)) for request, _ in calls]
        finally:
            await engine.aclose()

    for ours, (_, response) in zip(run_sync(again()), calls, strict=True):
        assert readings.difference(ours, response_from_dict(response)) < NEAR
