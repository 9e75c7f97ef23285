"""The whole gate: round trip and judges after the vetoes, and what each is asked."""

import asyncio
from typing import Any

import pytest
from support.bags import embed
from support.kettle import METRIC, qa

from metrics.metric import Bars, Metric
from programs.judges.judge import Verdict
from programs.qa.grounded_qa import QA, RECIPE
from signatures.refusal import DOES_NOT_SAY


class Saying:
    """A judge that always says the same."""

    def __init__(self, aspect: str, score: float | None) -> None:
        self.aspect, self.score, self.heard = aspect, score, 0

    def sees(self, candidate: Any) -> bool:
        return True

    async def acall(self, candidate: Any) -> Verdict:
        self.heard += 1
        return Verdict(score=self.score, reason="because")

    def dump_state(self) -> dict[str, Any]:
        return {}


def test_an_honest_row_clears_the_whole_gate() -> None:
    assert asyncio.run(METRIC.judged(qa())).drop is None


def test_a_second_answer_that_differs_drops_the_row() -> None:
    async def again(candidate: QA) -> str:
        return "Lift the kettle"

    assert asyncio.run(METRIC.judged(qa(), again)).drop.reason == "round trip"  # type: ignore[union-attr]


def lenient(round_trip: float) -> Metric:
    """A metric that nothing but the round trip can stop."""
    return Metric(METRIC.recipe, METRIC.embed, Bars(threshold=0.0, relevance=0.0, round_trip=round_trip))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("1.7 litres", "answerable question"),
        ("The document says 1.7 litres.", "answerable question"),
        ("", "answerable question"),
    ],
)
@pytest.mark.parametrize("bar", [0.0, 0.3])
def test_that_the_document_does_not_say_is_not_taken_unchecked(said: str, reason: str, bar: float) -> None:
    async def again(candidate: QA) -> str:
        return said

    drop = asyncio.run(lenient(bar).judged(qa(answer=DOES_NOT_SAY), again)).drop
    assert drop
    assert drop.reason == reason


def test_what_the_teacher_does_not_find_either_is_not_said() -> None:
    async def again(candidate: QA) -> str:
        return DOES_NOT_SAY.lower().rstrip(".")

    assert asyncio.run(lenient(0.3).judged(qa(answer=DOES_NOT_SAY), again)).drop is None


def test_a_verdict_moves_the_score() -> None:
    scores = [
        asyncio.run(Metric(RECIPE, embed, METRIC.bars, judges=[Saying("grounded", said)]).judged(qa())).score
        for said in (0.0, 1.0)
    ]
    assert scores[0] < scores[1]


def test_a_judge_that_cannot_be_read_is_unscored() -> None:
    worth = asyncio.run(Metric(RECIPE, embed, METRIC.bars, judges=[Saying("grounded", None)]).judged(qa()))
    assert (worth.unscored, "grounded" in worth.parts) == (["grounded"], False)


def test_no_judge_is_paid_for_a_row_that_is_out() -> None:
    judge = Saying("grounded", 1.0)
    asyncio.run(Metric(RECIPE, embed, METRIC.bars, judges=[judge]).judged(qa(answer="At least 0.7 litres.")))
    assert judge.heard == 0
