"""Of the ways to ask a judge, the cheapest that is about as good as the best is taken."""

from collections.abc import Callable, Sequence
from typing import Any

import dspy
import numpy as np
import numpy.typing as npt
import pytest
from dspy import lm15
from support.judged import Script

from metrics.calibration.readings import Reader
from metrics.calibration.verdicts import LabelledCase
from programs.core.background import run_sync
from programs.judges.judge import JUDGES, Judge
from seedbed.compiling.judge_trial import JudgeTrial
from seedbed.models.lm import TeacherLM
from seedbed.progress import Progress

Says = Callable[[bool, bool], str]
"""(the row is good, demos are shown) -> what the model says."""


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    return np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2)


def case(number: int, good: bool, aspect: str = "") -> LabelledCase:
    return LabelledCase(
        id=f"v-{number}",
        group=f"d{number % 6}",
        document="The bridge opened in 1931. The mill opened in 1874.",
        question=f"When did bridge {number} open?",
        answer="It opened in 1931." if good else "It opened in 1874.",
        label=good,
        aspect=aspect or ("overall" if good else "grounded"),
        reason="looked up",
    )


CASES = [case(number, number % 2 == 0) for number in range(24)]
SHOWN = [case(100, True), case(101, False)]


class Model(Script):
    def __init__(self, says: Says) -> None:
        super().__init__(lambda inputs, draw: "")
        self.says = says

    async def complete(self, request: lm15.Request) -> lm15.Response:
        good = "1931.\n\nBy" in str(request.messages[-1].text)
        shown = any(message.role == "assistant" for message in request.messages)
        self.say = lambda inputs, draw: self.says(good, shown)
        return await super().complete(request)


def on_trial(says: Says, name: str = "correct", cases: Sequence[LabelledCase] = CASES) -> tuple[bool, Judge, list[str]]:
    notes, judge = list[str](), JUDGES[name]()

    def reader(judges: Sequence[Judge], advance: Callable[[], None]) -> Reader:
        return Reader(embed, judges=judges, heard=advance)

    trial = JudgeTrial(
        reader, Progress(), good=lambda case: case.label > 0.5, note=notes.append, checks=16, required=()
    )
    with dspy.context(lm=TeacherLM("judge", Model(says))):
        return run_sync(trial.passes(judge, SHOWN, cases)), judge, notes


def test_demos_are_shown_where_they_make_a_judge_better() -> None:
    passes, judge, notes = on_trial(lambda good, shown: "yes" if good or not shown else "no")
    assert passes
    assert [demo.verdict for demo in judge.judge.demos] == ["yes", "no"]
    assert judge.judge.format == "plain"
    assert not notes


def test_demos_are_left_out_where_they_bring_nothing() -> None:
    passes, judge, _ = on_trial(lambda good, shown: "yes" if good else "no")
    assert (passes, judge.judge.demos) == (True, [])


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (lambda good, shown: "well", "is unreadable"),
        (lambda good, shown: "yes", "of no use on these labels"),
        (lambda good, shown: "no" if good else "yes", "of no use on these labels"),
    ],
)
def test_a_judge_that_tells_nothing_does_not_pass_and_is_said_why(says: Any, message: str) -> None:
    passes, _, notes = on_trial(says)
    assert not passes
    assert any(message in note for note in notes)


def test_a_judge_is_not_tried_on_faults_that_another_owns() -> None:
    """Worthless questions with right answers, all of which it takes for right, as it should."""
    worthless = [
        case(number, False, "question").model_copy(update={"answer": "It opened in 1931."}) for number in range(9)
    ]
    passes, _, notes = on_trial(lambda good, shown: "yes" if good else "no", cases=[*CASES, *worthless])
    assert (passes, notes) == (True, [])
