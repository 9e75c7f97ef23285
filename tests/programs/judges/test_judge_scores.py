"""Scores beyond the written level: several samples averaged, and the expectation over log-probabilities."""

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from hypothesis import given
from hypothesis import strategies as st
from support.hostile import Hostile, completion, sends
from support.judged import ROW, WRITTEN, YES, Inputs, Said, Script, judge, judged_by

from programs.core.background import run_sync
from programs.judges.expected_score import expected_score
from programs.judges.judge import JUDGES, Verdict
from seedbed.config.models import ModelEntry
from seedbed.models.call_context import Scope
from seedbed.models.engines.engine import Engine
from seedbed.models.layers.replayed import Replayed
from seedbed.models.lm import TeacherLM
from seedbed.models.registry import teacher
from seedbed.storage.journal import Journal

# samples


def grades(*replies: Said) -> Callable[[Inputs, int], Said]:
    return lambda inputs, draw: replies[draw - 1]


def sampled(engine: Engine, samples: int = 3) -> Verdict:
    asking = judge("additive")
    asking.samples = samples
    with dspy.context(lm=TeacherLM("judge", engine, temperature=0.0)), Scope("candidate", draw=2).open():
        result: Verdict = run_sync(asking.acall(ROW))
    return result


def test_samples_are_averaged_and_paid_for_once(journal: Journal) -> None:
    script = Script(grades(*({"reasoning": f"worth {n}", "grade": n} for n in (1, 3, 5))))
    first = sampled(Replayed(script, "judge", journal))
    assert first.score == pytest.approx(0.6)
    assert first.reason == "worth 3"
    assert all((request.config.temperature or 0) >= 0.7 for request in script.requests)
    assert (sampled(Replayed(script, "judge", journal)), len(script.asked)) == (first, 3)


def test_only_the_samples_that_can_be_read_count() -> None:
    assert sampled(Script(grades("mumble", {"reasoning": "r", "grade": 2}, "mumble"))).score == pytest.approx(0.4)
    assert sampled(Script(grades("mumble", "???", ""))).score is None


def test_a_judge_asked_once_is_asked_as_its_model_is_set() -> None:
    script = Script(lambda inputs, draw: {"reasoning": "r", "grade": 4})
    assert sampled(script, samples=1).score == pytest.approx(0.8)
    assert [request.config.temperature for request in script.requests] == [0.0]


# expected scores

CHANCES = {"yes": 0.45, " Yes": 0.15, "no": 0.2, "maybe": 0.2}  # of the words that name a level, three in four say yes


def tokens(text: str, chances: dict[str, float] = CHANCES) -> list[dict[str, Any]]:
    """A reply's tokens as chat completions have them; a yes has these alternatives, every other token none."""

    def token(text: str, chances: dict[str, float]) -> dict[str, Any]:
        top = [{"token": word, "logprob": math.log(chance), "bytes": [1]} for word, chance in chances.items()]
        return {"token": text, "logprob": math.log(chances.get(text, 0.5)), "bytes": [1], "top_logprobs": top}

    pieces = re.findall(r"\w+|\W", text)
    return [token(piece, chances if piece == "yes" else {piece: 0.5}) for piece in pieces]


def parallel(of: list[dict[str, Any]]) -> dict[str, Any]:
    """The same as the older completions have them."""
    return {
        "tokens": [token["token"] for token in of],
        "token_logprobs": [token["logprob"] for token in of],
        "top_logprobs": [{top["token"]: top["logprob"] for top in token["top_logprobs"]} for token in of],
    }


def body(format: str, shape: str) -> dict[str, Any]:
    text = WRITTEN[format]
    content = tokens(text)
    logprobs = {
        "content": {"content": content},
        "parallel": parallel(content),
        "none": None,
        "broken": {"content": [7]},
    }
    choice = {"index": 0, "finish_reason": "stop", "logprobs": logprobs[shape]}
    reply = {"text": text} if format == "compact" else {"message": {"role": "assistant", "content": text}}
    return {**completion(text), "choices": [choice | reply]}


def far_verdict(server: Hostile, journal: Journal, format: str) -> Verdict:
    entry = ModelEntry(model="m", api_base=server.base, completions=True, logprobs=5)
    asking, lm = judge("answerable"), teacher("far", entry, journal, Path())
    asking.judge.format = format
    with dspy.context(lm=lm):
        result: Verdict = run_sync(asking.acall(ROW))
    run_sync(lm.async_engine.aclose())
    return result


@pytest.mark.parametrize(
    ("format", "shape"), [("chat", "content"), ("json", "content"), ("compact", "content"), ("compact", "parallel")]
)
def test_the_expected_score_is_read_from_the_endpoint_and_again_from_the_journal(
    server: Hostile, journal: Journal, format: str, shape: str
) -> None:
    server.plan(sends(body(format, shape)))
    first = far_verdict(server, journal, format)
    assert first.score == pytest.approx(0.75)
    assert (far_verdict(server, journal, format), len(server.bodies)) == (first, 1)
    options = {key: value for key, value in server.bodies[0].items() if "logprobs" in key}
    assert options == ({"logprobs": 5} if format == "compact" else {"logprobs": True, "top_logprobs": 5})


@pytest.mark.parametrize("shape", ["none", "broken"])
@pytest.mark.parametrize("format", ["json", "compact"])
def test_without_log_probabilities_the_written_level_counts(
    server: Hostile, journal: Journal, format: str, shape: str
) -> None:
    server.plan(sends(body(format, shape)))
    assert far_verdict(server, journal, format).score == 1.0


def test_a_model_that_gives_none_is_not_asked_for_log_probabilities() -> None:
    with judged_by(YES) as script:
        run_sync(judge("relevant").acall(ROW))
    assert script.requests[0].config.logprobs is None


GRADES = {1: 0.0, 2: 0.25, 3: 0.5, 4: 0.75, 5: 1.0}


@given(
    st.dictionaries(st.sampled_from(["1", " 2", "3", '"4', "5"]), st.floats(0.01, 1.0), min_size=1),
    st.floats(0.01, 1.0),
)
def test_an_expected_score_weighs_the_levels_by_their_chances(chances: dict[str, float], rest: float) -> None:
    grade = next(iter(chances)).strip(' "')
    top: list[dict[str, Any]] = [
        {"token": token, "logprob": math.log(chance)} for token, chance in {**chances, "ten": rest}.items()
    ]
    content: list[dict[str, Any]] = [
        {"token": piece, "logprob": -1.0, "top_logprobs": []} for piece in ("Fine.\n", "Grade", ":")
    ]
    content.append({"token": next(iter(chances)), "logprob": top[0]["logprob"], "top_logprobs": top})
    mean = sum(chance * GRADES[int(token.strip(' "'))] for token, chance in chances.items()) / sum(chances.values())
    assert expected_score({"content": content}, "grade", int(grade), GRADES) == pytest.approx(mean)


@pytest.mark.parametrize(
    "text", ["It is good: 4", "The grade is 4", "Grade: 5", 'a \\"grade\\": 4', "Upgrade: 4", "Grade: 42", ""]
)
def test_a_level_that_cannot_be_found_has_no_expected_score(text: str) -> None:
    assert expected_score({"content": tokens(text)}, "grade", 4, GRADES) is None
    assert expected_score(None, "grade", 4, GRADES) is None


def test_a_token_without_a_chance_has_no_expected_score() -> None:
    content: list[dict[str, Any]] = [
        {"token": piece, "logprob": -9999.0, "top_logprobs": []} for piece in ("Grade", ": ", "4")
    ]
    assert expected_score({"content": content}, "grade", 4, GRADES) is None


# one token


def test_a_verdict_of_one_token_is_an_expected_score() -> None:
    top = [("yes", 0.6), (" Yes", 0.1), ("no", 0.2), ("maybe", 0.1)]
    token = lm15.TokenLogprob("yes", math.log(0.6), top=tuple(lm15.TopLogprob(t, math.log(p)) for t, p in top))
    script = OneToken(token)
    asking = JUDGES["correct"]()
    asking.judge.format = "plain"
    with dspy.context(lm=TeacherLM("judge", script, temperature=0.0, max_tokens=96)):
        result = run_sync(asking.acall(ROW))
    assert result.score == pytest.approx(0.7 / 0.9)
    assert result.reason == "yes (0.78)"
    assert script.requests[0].config.max_tokens == 1


class OneToken(Script):
    """Says one token, and is cut off."""

    logprobs = 4

    def __init__(self, token: lm15.TokenLogprob) -> None:
        super().__init__(lambda inputs, draw: token.token)
        self.token = token

    async def complete(self, request: lm15.Request) -> lm15.Response:
        response = await super().complete(request)
        return dataclasses.replace(response, finish_reason="length", logprobs=(self.token,))
