"""Judges against a model that follows a script: what they ask, what they score, and what is unscored."""

from collections.abc import Callable
from typing import get_args

import pytest
from support.judged import DOCUMENT, RATERS, ROW, WRITTEN, Inputs, Said, judge, judged_by, verdict

from programs.core.background import run_sync
from programs.core.instance import Instance
from programs.core.recipe import recipes
from programs.core.row import Candidate, Exchange
from programs.instructions.lab import Pair
from programs.judges.judge import JUDGES, Pairwise, Verdict
from programs.judges.rater import Rater

GARBAGE = ("", "???", "{}", "[1, 2]", '{"reasoning": "cut o', '{"reasoning": "r", "verdict": "maybe", "grade": 9}')

# every judge


@pytest.fixture(params=RATERS)
def rater(request: pytest.FixtureRequest) -> Rater:
    return RATERS[request.param]()


def test_every_judge_decides_last_and_what_it_explains_it_explains_before(rater: Rater) -> None:
    *reasons, decides = rater.judge.signature.output_fields
    assert [(name, rater.judge.signature.output_fields[name].annotation) for name in reasons] in (
        [],
        [("reasoning", str)],
    )
    assert set(get_args(rater.judge.signature.output_fields[decides].annotation)) == rater.levels.keys()


def test_scores_span_the_unit_interval_and_rise_with_the_level(rater: Rater) -> None:
    scores = list(rater.levels.values())
    assert (scores[0], scores[-1], scores) == (0.0, 1.0, sorted(scores))


@pytest.mark.parametrize(
    ("name", "reply", "score"),
    [
        *((name, {"reasoning": "because", "verdict": "yes"}, 1.0) for name in ("answerable", "grounded", "relevant")),
        *((name, {"reasoning": "because", "verdict": "no"}, 0.0) for name in ("question", "grounded", "rules")),
        *(("pair", {"reasoning": "because", "grade": grade}, score) for grade, score in ((1, 0.0), (2, 0.7), (3, 1.0))),
        *(("curation", {"reasoning": "because", "grade": grade}, (grade - 1) / 4) for grade in range(1, 6)),
        *(("additive", {"reasoning": "because", "grade": grade}, grade / 5) for grade in range(6)),
    ],
)
def test_a_readable_reply_is_scored(name: str, reply: Said, score: float) -> None:
    result = verdict(name, reply)
    assert result.score == pytest.approx(score)
    assert "because" in result.reason


@pytest.mark.parametrize("reply", GARBAGE)
@pytest.mark.parametrize("name", JUDGES)
def test_a_reply_that_cannot_be_read_is_unscored_and_says_so(name: str, reply: str) -> None:
    result = verdict(name, reply)
    assert result.score is None
    assert result.reason.startswith("unreadable verdict" if reply else "empty verdict")
    assert reply in result.reason


@pytest.mark.parametrize("format", ["chat", "json", "compact"])
def test_a_verdict_is_read_in_every_message_format(format: str) -> None:
    asking = judge("answerable")
    asking.judge.format = format
    with judged_by(WRITTEN[format]):
        assert run_sync(asking.acall(ROW)).score == 1.0


@pytest.mark.parametrize("row", [ROW, Exchange(), *(recipe.program.row() for recipe in recipes().values())], ids=type)
@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_can_be_asked_about_every_row(name: str, row: Candidate) -> None:
    inputs = judge(name).inputs(row)
    assert inputs.keys() == judge(name).judge.signature.input_fields.keys()
    assert all(isinstance(value, str) for value in inputs.values())


def test_what_a_row_does_not_have_is_said_to_be_none() -> None:
    assert judge("curation").inputs(Instance(instruction="Add 2 and 2.", output="4"))["context"] == "none"
    assert judge("curation").inputs(ROW)["context"] == DOCUMENT


def test_the_pair_judge_shows_a_context_once() -> None:
    pair = Pair(task="Convert units.", context="A trail of 7 miles.", question="How long is it in km?", answer="11 km")
    shown = judge("pair").inputs(pair)
    assert shown == {**shown, "task": "Convert units.", "context": "A trail of 7 miles.", "question": pair.question}
    bare = judge("pair").inputs(ROW)
    assert (bare["context"], bare["question"], bool(bare["task"])) == (DOCUMENT, ROW.asked, True)


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("name", JUDGES)
def test_a_persons_verdict_becomes_a_whole_demo(name: str, good: bool) -> None:
    rater = judge(name)
    demo = rater.example(ROW, good=good, reason="a person says so")
    *reasons, decides = rater.judge.signature.output_fields
    assert demo.keys() == [*rater.judge.signature.fields]
    assert [demo[name] for name in reasons] == ["a person says so"] * len(reasons)
    assert rater.levels[demo[decides]] == float(good)


# two responses


def preferring(word: str) -> Callable[[Inputs, int], Said]:
    return lambda inputs, draw: {"reasoning": "r", "verdict": "first" if word in inputs["first"] else "second"}


def preference(reply: Callable[[Inputs, int], Said] | Said, samples: int = 1) -> Verdict:
    pairwise = Pairwise()
    pairwise.judge.format, pairwise.samples = "json", samples
    with judged_by(reply) as script:
        result: Verdict = run_sync(pairwise.acall(prompt="What does it hold?", a="1.7 litres", b="a lot"))
    assert {(inputs["first"], inputs["second"]) for inputs in script.asked} == {
        ("1.7 litres", "a lot"),
        ("a lot", "1.7 litres"),
    }
    return result


@pytest.mark.parametrize(("word", "score"), [("1.7", 1.0), ("lot", 0.0)])
def test_what_both_orders_prefer_is_preferred(word: str, score: float) -> None:
    assert preference(preferring(word)).score == score


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_goes_by_the_place_makes_a_tie(place: str) -> None:
    result = preference({"reasoning": "r", "verdict": place})
    assert result.score == 0.5
    assert "disagree" in result.reason


def test_orders_that_agree_with_unlike_force_are_averaged() -> None:
    def say(inputs: Inputs, draw: int) -> Said:
        return preferring("lot" if draw == 3 and "1.7" in inputs["first"] else "1.7")(inputs, draw)

    assert preference(say, samples=3).score == pytest.approx((2 / 3 + 1) / 2)


def test_one_unreadable_order_leaves_a_preference_unscored() -> None:
    result = preference(lambda inputs, draw: "mumble" if "lot" in inputs["first"] else preferring("1.7")(inputs, draw))
    assert result.score is None
    assert "mumble" in result.reason
