"""What the recipe ultrafeedback promises, against models and a judge that follow a script (no model, no network)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import dspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_program import Call, Reply, Scripted, Steps, in_json

from metrics.metric import Bars, Metric
from programs.core.background import run_sync
from programs.core.recipe import recipes
from programs.core.row import Exchange
from programs.core.tools import Member, using
from programs.judges.judge import judges_of
from programs.preferences.ultrafeedback import FeedbackOptions, RatedPair, UltraFeedback, make_judge
from seedbed.models.hashed_words import hashed_words
from seedbed.models.lm import TeacherLM
from signatures.preferences.ultrafeedback import ASPECTS, PRINCIPLES

PROMPT = "Why do cats purr?"
RECIPE = recipes()["ultrafeedback"]
TABLE = {"a": [5, 5, 4, 5], "b": [3, 4, 4, 3], "c": [2, 1, 2, 1], "d": [3, 3, 3, 3]}
Preferred = Literal["better", "worse", "first", "second"]
"""Which of two answers the judge says is better: the one with the higher ratings, the other one, or that of a place."""


@dataclasses.dataclass
class Models:
    """A panel with a member for each line of the table, whose answer begins with its alias; the judge rates it so."""

    table: dict[str, list[int]]
    preferred: Preferred = "better"
    answers: dict[str, str] = dataclasses.field(default_factory=dict)

    def __call__(self, call: Call) -> Reply:
        if call.step == "answer":
            alias = call.model.removeprefix("seedbed/")
            return self.answers.get(alias, {"response": f"{alias}: an answer, the {call.draw}th of {call.inputs}"})
        if call.step == "judge aspects":
            place = [*ASPECTS.values()].index(call.inputs["aspect"])
            return {"rating": self.table[call.inputs["response"][0]][place]}
        better, worse = (
            ("first", "second")
            if self.mean(call.inputs["first"]) > self.mean(call.inputs["second"])
            else (
                "second",
                "first",
            )
        )
        return {"verdict": {"better": better, "worse": worse}.get(self.preferred, self.preferred)}

    def mean(self, answer: str) -> float:
        return sum(self.table[answer[0]]) / 4

    def pair(self, prompt: str = PROMPT, **options: Any) -> tuple[RatedPair, Scripted]:
        """The program's only candidate, after the gate's veto, and what was asked."""
        program, judge = in_json(UltraFeedback(FeedbackOptions(**options))), in_json(make_judge())
        engine = Scripted(Steps(program, judges_of(RECIPE)), self)
        metric = Metric(RECIPE, hashed_words, Bars(), judges=[judge])
        panel = tuple(Member(alias, TeacherLM(alias, engine)) for alias in self.table)
        context = using(panel=panel, judge_row=metric.verdict, veto=metric.veto)
        with dspy.context(lm=TeacherLM("teacher", engine)), context:
            (candidate,) = program(prompt=prompt).candidates
        return candidate, engine


tables = st.lists(st.lists(st.integers(1, 5), min_size=4, max_size=4), min_size=4, max_size=4)


@given(tables, st.sampled_from(["better", "worse", "first", "second"]), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_a_pair_is_the_best_and_the_worst_answer_by_its_ratings(
    grades: list[list[int]], preferred: Preferred, margin: float
) -> None:
    models = Models(dict(zip("abcd", grades, strict=True)), preferred)
    row, _ = models.pair(margin=margin)
    means = sorted(sum(line) / 4 for line in grades)
    if means[0] == means[-1]:
        reason = "tie"
    elif means[-1] - means[0] < margin:
        reason = "no margin"
    else:
        reason = {"worse": "rejected answer preferred", "better": None}.get(preferred, "orders disagree")
    assert (row.dropped and row.dropped.reason) == reason
    if not reason:
        check(row, models, means)


def check(row: RatedPair, models: Models, means: Sequence[float]) -> None:
    """The columns of an accepted pair follow from the ratings."""
    columns = row.columns()
    assert [message["content"] for message in columns["prompt"]] == [PROMPT]
    assert (row.score_chosen, row.score_rejected) == (means[-1], means[0])
    for text, alias, score, ratings in zip(
        (columns["chosen"][0]["content"], columns["rejected"][0]["content"]),
        row.models,
        (row.score_chosen, row.score_rejected),
        (row.ratings_chosen, row.ratings_rejected),
        strict=True,
    ):
        assert text.startswith(f"{alias}:")
        assert [rating.rating for rating in ratings] == models.table[alias]
        assert [rating.aspect for rating in ratings] == [*ASPECTS]
        assert sum(rating.rating for rating in ratings) / 4 == score
    assert columns["margin"] == means[-1] - means[0]
    assert row.probability == 1.0
    assert [models.mean(answer.answer) for answer in row.ranking] == means[::-1]
    assert [answer.rank for answer in row.ranking] == [1 + means[::-1].index(mean) for mean in means[::-1]]


def test_four_answers_are_of_four_models_each_under_a_principle() -> None:
    table = {alias: [3] * 4 for alias in "abcdefg"}
    chosen_models, principles = set(), set()
    for number in range(12):
        _, engine = Models(table).pair(f"{PROMPT} {number}")
        asked = engine.asked("answer")
        assert len(asked) == 4
        chosen_models |= {call["response"][0] for call in engine.asked("judge aspects")}
        assert len({call["response"][0] for call in engine.asked("judge aspects")}) == 4
        principles |= {call["system"] for call in asked}
    assert chosen_models == table.keys()
    assert principles == {*PRINCIPLES.values()}


def test_a_panel_of_one_gives_four_different_answers() -> None:
    for number in range(6):
        _, engine = Models({"a": [3] * 4}).pair(f"{PROMPT} {number}")
        assert len({call["response"] for call in engine.asked("judge aspects")}) == 4


def test_the_random_pair_rejects_any_answer_that_is_rated_lower() -> None:
    table = {"a": [5] * 4, "b": [5] * 4, "c": [3] * 4, "d": [1] * 4}
    rejected = {Models(table).pair(f"{PROMPT} {n}", pair="best-random")[0].rejected_answer[0] for n in range(20)}
    assert rejected == {"c", "d"}


def test_answers_that_cannot_be_read_are_left_out_while_two_remain() -> None:
    row, _ = Models(TABLE, answers={"c": "", "d": ""}).pair()
    assert row.dropped is None
    assert row.models == ["a", "b"]
    row, engine = Models(TABLE, answers={"b": "", "c": "", "d": ""}).pair()
    assert row.dropped
    assert (row.dropped.step, row.dropped.reason) == ("answer", "empty reply")
    assert not engine.asked("judge prefer")


def test_a_chosen_answer_with_a_leak_is_dropped_before_the_judge_compares() -> None:
    row, engine = Models(TABLE, answers={"a": '{"response": "a: they are content, {input}."}'}).pair()
    assert row.chosen_answer.startswith("a")
    assert row.dropped
    assert row.dropped.reason == "template leak"
    assert not engine.asked("judge prefer")
    row, _ = Models(TABLE, answers={"c": '{"response": "c: they are content, {input}."}'}).pair()
    assert row.dropped is None


def test_without_both_orders_the_ratings_decide() -> None:
    row, engine = Models(TABLE, "worse").pair(both_orders=False)
    assert row.dropped is None
    assert row.probability is None
    assert not engine.asked("judge prefer")


# the judge of single answers


def test_a_rating_that_cannot_be_read_leaves_the_answer_unscored() -> None:
    judge = in_json(make_judge())
    steps = Steps(in_json(UltraFeedback()), judges_of(RECIPE))
    aspects = [*ASPECTS.values()]
    engine = Scripted(steps, lambda call: "???" if call.inputs["aspect"] == aspects[1] else {"rating": 4})
    with dspy.context(lm=TeacherLM("judge", engine)):
        verdict = run_sync(judge.acall(Exchange(asked=PROMPT, said="They are content.")))
    assert verdict.score is None
    assert [rating.aspect for rating in verdict.ratings] == [name for name in ASPECTS if name != [*ASPECTS][1]]


def test_the_judge_keeps_its_aspects_in_its_file() -> None:
    judge, other = make_judge(), make_judge()
    judge.aspects = {"short": "The reply is short."}
    assert judge.hash != other.hash
    other.load_state(judge.dump_state())
    assert other.aspects == judge.aspects
    assert other.hash == judge.hash


@pytest.mark.parametrize("option", [{"answers": 1}, {"margin": 5}, {"pair": "all"}])
def test_options_out_of_range_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        FeedbackOptions(**option)
