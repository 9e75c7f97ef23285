"""Models are asked where their word may change the outcome, and a row that was not asked is weighed without them."""

import dataclasses
from typing import Any

import dspy
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judged import DOCUMENT, Script, judge

from metrics.band import Alone, alone
from metrics.calibration.fit import Fitted, aim, fit
from metrics.metric import Bars, Metric
from metrics.worth import Worth
from programs.core.background import run_sync
from programs.qa.grounded_qa import QA, RECIPE
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM

pytestmark = pytest.mark.slow

ROW = QA(passage=DOCUMENT, question="What does the K3 kettle hold?", answer="It holds 1.7 litres.")


def fitted(weights: dict[str, float], threshold: float, intercept: float = 0.0) -> Fitted:
    zeros, ones = dict.fromkeys(weights, 0.0), dict.fromkeys(weights, 1.0)
    return Fitted(intercept=intercept, weights=weights, centres=zeros, scales=ones, ridge=1.0, threshold=threshold)


FULL = fitted({"words": 0.0, "correct": 4.0, "answer_likelihood": 1.0}, 0.9)
BARE = fitted({"words": 0.0}, 0.5)  # of any row 0.5


def embed(texts: Any) -> npt.NDArray[np.float32]:
    return np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2)


class Model(Script):
    """Says yes or what it is to say, and finds each word as likely as `logprob`."""

    scores = True

    def __init__(self, said: str = "yes", logprob: float = -0.5) -> None:
        super().__init__(lambda inputs, draw: said)
        self.logprob = logprob

    async def complete(self, request: Any) -> Any:
        response = await super().complete(request)
        given = (request.config.extensions or {}).get("continuation")
        if given is None:
            return response
        tokens = tuple(dspy.lm15.TokenLogprob(word, self.logprob) for word in given.split())
        return dataclasses.replace(response, logprobs=tokens)


def scored(model: Shared, low: float, high: float, threshold: float | None = None, **changes: Any) -> Worth:
    asked = judge("correct")
    asked.judge.format = "plain"
    metric = Metric(
        RECIPE,
        embed,
        Bars(threshold=threshold, round_trip=0),
        fitted=FULL,
        alone=Alone(fitted=BARE, low=low, high=high),
        judges=[asked],
    )
    with dspy.context(lm=TeacherLM("judge", model)):
        return run_sync(metric.judged(ROW.model_copy(update=changes)))


def test_a_row_in_doubt_is_asked_about_and_weighed_by_the_answers() -> None:
    model = Model()
    worth = scored(model, 0.4, 0.6)
    assert worth.asked
    assert worth.parts["correct"] == 1
    assert worth.parts["answer_likelihood"] == -0.5
    assert worth.score == pytest.approx(FULL.probability({"correct": 1.0, "answer_likelihood": -0.5}))
    assert worth.drop is None
    assert len(model.requests) == 3
    assert "does not expect this answer" in worth.reasons["answer_likelihood"]  # it is less than the centre of the fit
    assert "document_gain" not in worth.reasons


def test_a_row_that_the_evidence_decides_is_not_asked_about() -> None:
    model = Model()
    worth = scored(model, 0.6, 0.8)
    assert not worth.asked
    assert worth.score == pytest.approx(0.5)
    assert "correct" not in worth.parts
    assert worth.drop is None  # by the threshold of the evidence, not by that of the other fit
    assert not model.requests


def test_under_a_threshold_of_ones_own_every_row_is_asked_about() -> None:
    assert scored(Model(), 0.6, 0.8, threshold=0.2).asked


def test_a_verdict_that_cannot_be_read_leaves_the_row_to_the_evidence() -> None:
    worth = scored(Model("well"), 0.4, 0.6)
    assert not worth.asked
    assert worth.unscored == ["correct"]
    assert worth.score == pytest.approx(0.5)


def planted(n: int, seed: int, judge: float) -> tuple[list[dict[str, float | None]], Any, list[str]]:
    random = np.random.default_rng(seed)
    good = random.random(n) < 0.5
    parts: list[dict[str, float | None]] = [
        {"words": float(one + random.normal()), "correct": float(judge * one + random.normal())} for one in good
    ]
    return parts, good, [f"d{number % 9}" for number in range(n)]


@given(st.integers(0, 50), st.floats(0.5, 4.0))
def test_outside_the_band_both_fits_decide_alike(seed: int, strength: float) -> None:
    parts, good, groups = planted(60, seed, strength)
    full = fit(parts, good, groups, ridge=2.0)
    found = alone(full, parts, {"correct"}, good, groups, towards=aim(""))
    for row in parts:
        bare = found.fitted.probability({"words": row["words"]})
        if not found.is_doubtful(bare):
            assert (bare >= found.fitted.threshold) == (full.probability(row) >= full.threshold)


def test_rows_that_fits_without_their_group_decide_differently_are_in_doubt_as_well() -> None:
    parts, good, groups = planted(60, 3, 2.0)
    full = fit(parts, good, groups, ridge=2.0)
    in_one_group = alone(full, parts, {"correct"}, good, ["d"] * 60, towards=aim(""))
    by_groups = alone(full, parts, {"correct"}, good, groups, towards=aim(""))
    assert by_groups.fitted == in_one_group.fitted
    assert by_groups.low <= in_one_group.low
    assert by_groups.high >= in_one_group.high
    assert by_groups.high - by_groups.low > in_one_group.high - in_one_group.low


def test_a_judge_that_says_nothing_new_is_hardly_asked() -> None:
    parts, good, groups = planted(200, 1, 0.0)
    found = alone(fit(parts, good, groups, ridge=2.0), parts, {"correct"}, good, groups, towards=aim(""))
    asked = [found.is_doubtful(found.fitted.probability({"words": row["words"]})) for row in parts]
    assert np.mean(asked) < 0.5
