"""Rows of several exchanges: the metric and its judges look at each, and the row is as good as its least one."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bags import embed
from support.judged import judged_by
from support.kettle import ANSWER, PASSAGE, QUESTION, SEED
from support.kinds import Dialogue, Page, Task

from metrics.calibration.fit import Fitted, prior, stated
from metrics.evidence import PARTS
from metrics.metric import NOTHING_TO_SEE, Bars, Metric
from metrics.worth import HOPE, Worth
from programs.core.background import run_sync
from programs.core.kinds import Preference
from programs.core.row import Candidate, Drop, Exchange
from programs.judges.judge import Judge, Verdict
from programs.qa.grounded_qa import RECIPE

LENIENT = Bars(threshold=0.0, relevance=0.0, support=0.0, round_trip=0.0)
TURNS = [
    Exchange(text=PASSAGE, asked=QUESTION, said=ANSWER),
    Exchange(text=PASSAGE, asked="How much water does the K3 hold at the MAX line?", said="1.7 litres."),
    Exchange(text=PASSAGE, asked="What can spit from the spout of the kettle?", said="Moonlight, or boiling water."),
]
FREE = dataclasses.replace(
    RECIPE, checks=("refusal",), required=frozenset(), labelled={"sort": "same", "rate": "grade"}
)
chosen = st.lists(st.sampled_from(TURNS), min_size=1, max_size=3)


class Grader:
    """A judge with a score for each answer; `heard` are the answers that it judged."""

    def __init__(self, aspect: str, scores: dict[str, float | None]) -> None:
        self.aspect, self.scores, self.heard = aspect, scores, list[str]()

    def sees(self, candidate: Candidate) -> bool:
        return True

    async def acall(self, candidate: Candidate) -> Verdict:
        self.heard.append(candidate.response)
        return Verdict(score=self.scores[candidate.response], reason=f"of {candidate.response}")

    def dump_state(self) -> dict[str, Any]:
        return {}


def metric(*judges: Any, recipe: Any = FREE, bars: Bars = LENIENT, **changes: Any) -> Metric:
    return Metric(recipe, embed, bars, judges=judges, **changes)


def judged(metric: Metric, row: Candidate, again: Any = None) -> Worth:
    return asyncio.run(metric.judged(row, again))


# the least of views


@given(chosen, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_row_is_worth_its_least_view(turns: list[Exchange], scores: Sequence[float]) -> None:
    row, by_answer = Dialogue(turns=turns), dict(zip([turn.said for turn in TURNS], scores, strict=True))
    scoring = metric(Grader("grounded", by_answer))  # type: ignore[arg-type]
    views = [asyncio.run(scoring.weighed(turn)) for turn in turns]
    for worth in (judged(scoring, row), asyncio.run(scoring.weighed(row))):
        assert worth.score == min(view.score for view in views)
        assert worth in views
    evidence = [asyncio.run(scoring.worth(turn)).score for turn in turns]
    assert asyncio.run(scoring.worth(row)).score == min(evidence)


def test_a_row_without_an_exchange_is_worth_nothing() -> None:
    scoring, row = metric(), Dialogue(asked=QUESTION, said=ANSWER)
    worths = [judged(scoring, row), asyncio.run(scoring.worth(row)), asyncio.run(scoring.weighed(row))]
    assert [(worth.score, worth.drop) for worth in worths] == [(0.0, NOTHING_TO_SEE)] * 3
    dropped = row.model_copy(update={"dropped": Drop(step="own", reason="bad")})
    assert asyncio.run(scoring.weighed(dropped)).promise == HOPE / 2


def test_one_bad_exchange_drops_the_row_before_any_judge_is_paid() -> None:
    judge = Grader("grounded", {turn.said: 1.0 for turn in TURNS})
    bad = Exchange(text=PASSAGE, asked=QUESTION, said="0.7 litres.")
    worth = judged(metric(judge, recipe=RECIPE), Dialogue(turns=[TURNS[0], bad]))
    assert worth.score == 0
    assert worth.drop
    assert worth.drop.reason == "wrong number"
    assert judge.heard == []


def test_every_exchange_must_reach_the_threshold() -> None:
    judge = Grader("grounded", {turn.said: float(turn is not TURNS[1]) for turn in TURNS})
    scores = [asyncio.run(metric(judge).weighed(turn)).score for turn in TURNS]
    judge.heard.clear()
    between = Bars(threshold=(scores[1] + min(scores[0], scores[2])) / 2, relevance=0, support=0, round_trip=0)
    worth = judged(metric(judge, bars=between), Dialogue(turns=TURNS))
    assert worth.score == scores[1] < min(scores[0], scores[2])
    assert worth.drop
    assert worth.drop.reason == "low score"
    assert judge.heard == [TURNS[0].said, TURNS[1].said]  # the third is not paid for
    assert judged(metric(judge, bars=between), Dialogue(turns=[TURNS[0], TURNS[2]])).drop is None


def test_a_required_judge_must_accept_every_exchange() -> None:
    judge = Grader("grounded", {TURNS[0].said: 1.0, TURNS[1].said: 0.4, TURNS[2].said: 1.0})
    scoring = metric(judge, recipe=dataclasses.replace(FREE, required=frozenset({"grounded"})))
    worth = judged(scoring, Dialogue(turns=TURNS))
    assert worth.drop == Drop(step="judge grounded", reason="judge grounded", detail=f"of {TURNS[1].said}")
    assert worth.score == 0
    assert judge.heard == [TURNS[0].said, TURNS[1].said]
    assert judged(scoring, Dialogue(turns=[TURNS[0], TURNS[2]])).drop is None


def test_the_round_trip_asks_for_each_exchange() -> None:
    questions = list[str]()

    async def again(view: Candidate) -> str:
        questions.append(view.prompt)
        return view.response if view.prompt != TURNS[1].asked else "Lift the kettle."

    bars = dataclasses.replace(LENIENT, round_trip=0.3)
    worth = judged(metric(bars=bars), Dialogue(turns=TURNS), again)
    assert worth.drop
    assert worth.drop.reason == "round trip"
    assert questions == [TURNS[0].asked, TURNS[1].asked]
    assert judged(metric(bars=bars), Dialogue(turns=[TURNS[0], TURNS[2]]), again).drop is None


def test_an_exchange_without_an_answer_drops_the_row() -> None:
    worth = judged(metric(), Dialogue(turns=[TURNS[0], Exchange(text=PASSAGE, asked=QUESTION, said=" \n")]))
    assert worth.drop == Drop(step="veto", reason="no answer", detail="there is no text to learn from")


def test_a_dropped_row_has_the_chance_of_its_least_exchange() -> None:
    fitted = prior(PARTS).model_copy(update={"weights": {"words": 3.0}, "intercept": 0.0})
    scoring = metric(fitted=fitted)
    drop = Drop(step="own", reason="bad")
    alone = [asyncio.run(scoring.weighed(Dialogue(turns=[turn], dropped=drop))) for turn in TURNS]
    chances = [worth.chance for worth in alone]
    assert chances[2] < chances[0]
    worth = asyncio.run(scoring.weighed(Dialogue(turns=TURNS, dropped=drop)))
    assert (worth.score, worth.chance, worth.drop) == (0, min(chances), drop)
    assert worth.promise == pytest.approx(HOPE * (1 + min(chances)) / 2)


# kinds


def test_a_prompt_is_complete_without_a_response() -> None:
    worth = judged(metric(), Task(task="Name a bird."))
    assert (worth.drop, worth.score) == (None, 1.0)
    empty = judged(metric(), Task(task=" "))
    assert empty.drop
    assert empty.drop.reason == "no answer"


def test_a_text_needs_no_prompt() -> None:
    assert judged(metric(), Page(page="The sea rises twice a day.")).drop is None
    assert judged(metric(), Page(topic="tides")).drop


def test_a_pair_is_judged_by_its_chosen_answer() -> None:
    judge = Grader("pair", {"A heron.": 1.0})
    assert (
        judged(
            metric(judge), Preference(instruction="Name a bird.", chosen_answer="A heron.", rejected_answer="Oh.")
        ).drop
        is None
    )
    assert judge.heard == ["A heron."]


# checks


def test_the_configs_checks_run_after_the_recipes_and_are_part_of_the_hash() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name, self.seen = name, list[Candidate]()

        def __call__(self, row: Candidate) -> Drop | None:
            self.seen.append(row)
            return Drop(step="own", reason="too short") if len(row.response) < 9 else None

    rule = Named("length 1")
    scoring = metric(checks=[rule])
    assert judged(scoring, Page(page="Short.")).drop == Drop(step="own", reason="too short")
    assert judged(scoring, Page(page="Long enough.")).drop is None
    refusing = judged(scoring, Page(page="I'm sorry, but I can't assist with that."))
    assert refusing.drop
    assert refusing.drop.reason == "refusal"
    assert len(rule.seen) == 2
    hashes = [metric(checks=rules).hash for rules in ((), (rule,), (Named("length 2"),), (Named("length 1"),))]
    assert hashes[1] == hashes[3]
    assert len(set(hashes)) == 3
    assert scoring.showing(dspy.Module()).checks == [rule]  # type: ignore[arg-type]


def test_a_row_is_checked_again_only_after_a_change() -> None:
    seen = list[str]()

    def rule(row: Page) -> Drop | None:
        seen.append(row.page)
        return Drop(step="own", reason="bad") if "bad" in row.page else None

    scoring, row = metric(recipe=dataclasses.replace(FREE, checks=(rule,))), Page(page="good")
    for page in ("good", "good", "bad", "bad", "good"):
        row.page = page
        drop = asyncio.run(scoring.veto(row))
        assert (drop is not None) == (page == "bad")
    assert seen == ["good", "bad", "bad"]


def test_a_row_may_repeat_the_seed_that_it_was_given() -> None:
    scoring = metric(recipe=dataclasses.replace(FREE, checks=("copied seed",)), shown=[SEED, QUESTION])
    reasons = []
    for row, given_texts in [
        (Task(task=SEED), ()),
        (Task(task=SEED), (SEED,)),
        (Task(task=SEED, parent=SEED), ()),
        (Task(task=SEED, parent=QUESTION), ()),
        (Task(task=SEED), ()),
    ]:
        drop = asyncio.run(scoring.veto(row, given_texts))
        reasons.append(drop and drop.reason)
    assert reasons == ["copied seed", None, None, "copied seed", "copied seed"]


# labels


def test_an_output_is_worth_its_likeness_to_the_label() -> None:
    worth = asyncio.run(metric().compared("sort", "Good ", "good", str))
    assert (worth.score, worth.parts, worth.weakest) == (1.0, {"label": 1.0}, "label")
    worth = asyncio.run(metric().compared("rate", 2, 5, Literal[1, 2, 3, 4, 5]))
    assert worth.score == 0.25
    assert worth.feedback.endswith("weakest: a person wrote 5; this says 2")


# judges with a view


class JudgeTurn(dspy.Signature):
    """Is the answer polite?"""

    question: str = dspy.InputField()
    answer: str = dspy.InputField()
    verdict: Literal["yes", "no"] = dspy.OutputField()


def last_turn(row: Any) -> Exchange | None:
    return row.turns[-1] if row.turns else None


class Talk(Dialogue):
    """A dialogue that the metric looks at as a whole."""

    def views(self) -> Sequence[Candidate]:
        return [self]


def polite() -> Judge:
    judge = Judge("polite", JudgeTurn, view=last_turn)
    judge.judge.format = "json"
    return judge


def test_a_judge_looks_at_its_view_of_a_row() -> None:
    talk = Talk(asked="Begin.", said="Gladly.", turns=TURNS)
    with judged_by({"verdict": "no"}) as script:
        worth = run_sync(metric(polite()).judged(talk))
        exchange = run_sync(polite().acall(TURNS[0]))
    assert script.asked == [{"question": turn.asked, "answer": turn.said} for turn in (TURNS[2], TURNS[0])]
    assert (worth.parts["polite"], exchange.score) == (0, 0)
    assert polite().example(talk, good=True, reason="").toDict() == {
        "question": TURNS[2].asked,
        "answer": TURNS[2].said,
        "verdict": "yes",
    }


def test_a_judge_is_not_asked_about_a_row_of_which_it_has_no_view() -> None:
    with judged_by({"verdict": "no"}) as script:
        worth = run_sync(metric(polite()).judged(Talk(asked="Begin.", said="Gladly.")))
    assert (script.asked, worth.parts, worth.drop) == ([], {}, None)
    assert not polite().sees(Talk(asked="Begin.", said="Gladly.", turns=[Exchange(asked="And?")]))
    assert polite().sees(Talk(turns=TURNS))
    assert not polite().sees(Exchange(said="Gladly."))


# judges with a view of their own


class Beside(Grader):
    """A judge of the exchange before this one: it hears that exchange's answer."""

    view = looks_at = staticmethod(lambda row: TURNS[1])


def fit_of(aspect: str, threshold: float) -> Fitted:
    return stated([aspect]).model_copy(update={"threshold": threshold, "ridge": 1.0})


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_view_of_a_judge_counts_by_its_own_fit_and_the_least_counts(reading: float, threshold: float) -> None:
    scores = {turn.said: reading for turn in TURNS}
    bars = Bars(relevance=0, support=0, round_trip=0)
    alone = judged(metric(bars=bars), TURNS[0])
    scoring = metric(Beside("turn", scores), bars=bars, fits={"turn": fit_of("turn", threshold)})
    probability, worth = fit_of("turn", threshold).probability({"turn": reading}), judged(scoring, TURNS[0])
    assert worth.score == min(alone.score, probability)
    assert (worth.drop is None) == (alone.drop is None and probability >= threshold)
    assert asyncio.run(scoring.weighed(TURNS[0])).score == worth.score


def test_the_fit_of_a_judges_own_view_is_part_of_the_metric() -> None:
    judge = Beside("turn", {})
    judge.hash = "h"  # type: ignore[attr-defined]
    hashes = {metric(judge, fits={"turn": fit_of("turn", bar)}).hash for bar in (0.2, 0.4)}
    assert len(hashes) == 2


def test_a_view_is_on_the_topic_of_its_request() -> None:
    """Its prompt names nothing of the document; the talk before it does."""

    class Later(Exchange):
        before: str = ""

        @property
        def request(self) -> str:
            return f"{self.before} {self.asked}".strip()

    recipe, asked = dataclasses.replace(FREE, checks=("off topic",)), "And anything more on that?"
    strict = metric(recipe=recipe, bars=dataclasses.replace(LENIENT, relevance=0.3))
    alone, after = (Later(text=PASSAGE, asked=asked, said=ANSWER, before=before) for before in ("", QUESTION))
    worths = [asyncio.run(strict.worth(view)) for view in (alone, after)]
    assert [worth.drop.reason if worth.drop else None for worth in worths] == ["off topic", None]
    relevance = [asyncio.run(metric().worth(view)).parts["relevance"] for view in (alone, after)]
    assert relevance[0] < relevance[1]


def test_a_threshold_for_rows_does_not_bind_a_judge_without_a_fit_in_the_metric_of_a_program_either() -> None:
    scores, bars = {turn.said: 1.0 for turn in TURNS}, Bars(threshold=0.8, relevance=0, support=0, round_trip=0)
    sure = metric(Beside("turn", scores), bars=bars)
    assert judged(metric(bars=bars), TURNS[0]).drop is None
    assert judged(sure, TURNS[0]).drop is None
    assert judged(sure.showing(RECIPE.program()), TURNS[0]).drop is None
