"""The agreement of a labelled step with people's labels: by the recipe's comparator, by program, and paired."""

import json
from collections.abc import Callable
from typing import Any, Literal

import dspy
import pytest
from dspy import lm15
from support.bags import embed
from support.judged import Script

from optimize.label_agreement import WORD_F1, agreement, agreements, measure
from programs.core.background import run_sync
from programs.core.program import Program
from programs.core.step import Step
from seedbed.models.lm import TeacherLM

UNREADABLE = "???"


class Rate(dspy.Signature):
    """Rate the review."""

    review: str = dspy.InputField()
    reasoning: str = dspy.OutputField()
    stars: Literal[1, 2, 3, 4, 5] = dspy.OutputField()


class Reply(dspy.Signature):
    """Answer the review."""

    review: str = dspy.InputField()
    reply: str = dspy.OutputField()


class Reviews(Program):
    def __init__(self) -> None:
        super().__init__()
        self.rate, self.reply = Step(Rate, "json"), Step(Reply, "json")


def agreed(step: str, comparator: str, examples: list[dict[str, Any]], says: Callable[[str], Any]) -> list[float]:
    """The agreement where the model says `says(review)`."""

    class Model(Script):
        async def complete(self, request: lm15.Request) -> lm15.Response:
            self.say = lambda inputs, draw: says(inputs["review"])
            return await super().complete(request)

    labelled = [dspy.Example(**example).with_inputs("review") for example in examples]
    with dspy.context(lm=TeacherLM("model", Model(lambda inputs, draw: ""))):
        return run_sync(agreements(Reviews(), step, comparator, labelled, embed))


GRADED = [{"review": f"{stars} of 5", "stars": stars, "reasoning": "none"} for stars in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize(("comparator", "scores"), [("grade", [0.5, 0.75, 1, 0.75, 0.5]), ("same", [0, 0, 1, 0, 0])])
def test_the_last_output_is_compared_with_the_label_of_its_name(comparator: str, scores: list[float]) -> None:
    assert agreed("rate", comparator, GRADED, lambda review: {"reasoning": "so", "stars": 3}) == scores


def test_the_scores_are_in_the_order_of_the_examples() -> None:
    scores = agreed("rate", "grade", GRADED, lambda review: {"reasoning": "so", "stars": 5})
    assert scores == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("said", [UNREADABLE, "", {"reasoning": "so", "stars": 7}])
def test_an_unreadable_reply_agrees_with_nothing(said: Any) -> None:
    assert agreed("rate", "grade", GRADED[:1], lambda review: said) == [0]


@pytest.mark.parametrize("comparator", ["like", "near"])
def test_texts_agree_by_their_words_alone(comparator: str) -> None:
    examples = [{"review": "late", "reply": "We are sorry."}, {"review": "fine", "reply": "Thank you."}]
    scores = agreed(
        "reply", comparator, examples, lambda review: {"reply": "We are sorry for that." * (review == "late")}
    )
    assert scores == [pytest.approx(2 * 3 / (3 + 5)), 0]
    assert measure(comparator) == WORD_F1


def test_an_agreement_sums_up_each_program_and_its_gain_on_the_first() -> None:
    groups = [f"g{n}" for n in range(12)]
    scores = {"plain": [0.0, 0.5] * 6, "compiled": [0.5, 1.0] * 6, "other": [0.0, 0.5] * 6}
    summed = agreement("rate", "grade", groups, scores)
    assert (summed.step, summed.comparator, summed.n) == ("rate", "grade", 12)
    assert {name: interval.mean for name, interval in summed.scores.items()} == {
        "plain": 0.25,
        "compiled": 0.75,
        "other": 0.25,
    }
    assert all(interval.low <= interval.mean <= interval.high for interval in summed.scores.values())
    gains = {name: (gain.mean, gain.verdict) for name, gain in summed.gains.items()}
    assert gains == {"compiled": (0.5, "better"), "other": (0.0, "no measurable difference")}
    assert agreement("reply", "near", groups, scores).comparator == WORD_F1
    json.loads(summed.model_dump_json())
