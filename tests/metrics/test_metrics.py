"""What rows are worth: cheats are rejected, an honest row is kept, and the measures obey their laws."""

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bags import embed

from metrics.calibration.agreement import auroc
from metrics.calibration.intervals import grouped_interval, plain
from metrics.checks.vetoes import veto
from metrics.evidence import missing_numbers, word_support
from metrics.metric import Bars, Metric
from programs.core.text import copied_share, f1, rouge_l, words
from programs.judges.judge import Verdict
from programs.qa.grounded_qa import QA, RECIPE
from signatures.qa.grounded_qa import DOES_NOT_SAY

PASSAGE = (
    "The K3 holds 1.7 litres at the MAX line and needs at least 0.5 litres, shown by the MIN line, to heat evenly. "
    "Filling above MAX can cause boiling water to spit from the spout. Filling below MIN may trigger the dry-boil "
    "cut-out before the water reaches its target. Always lift the kettle off its base before filling it, and dry the "
    "underside if any water runs down."
)
QUESTION = "How much water does the K3 kettle need to heat evenly?"
ANSWER = "At least 0.5 litres."
SEED = "Why does the K3 kettle spit boiling water from the spout when it is filled above MAX?"


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


METRIC = Metric(RECIPE, embed, Bars(relevance=0.2, support=0.6), shown=[SEED])


def qa(question: str = QUESTION, answer: str = ANSWER) -> QA:
    return QA(passage=PASSAGE, question=question, answer=answer, answerable=answer != DOES_NOT_SAY)


CHEATS = {
    "refusal": (QA(passage=PASSAGE, question=QUESTION, answer=DOES_NOT_SAY), "unanswerable question"),
    "template leak": (qa("What does {question} say about the kettle?"), "template leak"),
    "field mark": (qa(answer="[[ ## answer ## ]] 0.5 litres"), "template leak"),
    "talks about itself": (qa(answer="As an AI, I would say 0.5 litres."), "template leak"),
    "field label": (qa(answer="Answer: 0.5 litres"), "template leak"),
    "chat token": (qa(answer="0.5 litres<|im_end|>"), "template leak"),
    "loop of words": (qa(answer="water " * 20 + "."), "repetition"),
    "loop of phrases": (qa(answer="lift the kettle off its base and " * 4 + "fill it."), "repetition"),
    "statement": (qa("The K3 kettle holds 1.7 litres of water."), "not a question"),
    "two questions": (qa("What does the K3 kettle hold? How much water does it need?"), "not a question"),
    "two lines": (qa("How much water\ndoes the K3 kettle need?"), "not a question"),
    "too short": (qa("Why water?"), "not a question"),
    "too long": (
        qa("How much water does the K3 kettle hold, " + ", ".join(f"{n} or {n}.5" for n in range(20)) + "?"),
        "not a question",
    ),
    "hollow": (qa("What is the main idea of the text?"), "hollow question"),
    "hollow of a report": (qa("What is the purpose of this report?"), "hollow question"),
    "copied sentence": (qa("Is filling above MAX can cause boiling water to spit from the spout?"), "copied sentence"),
    "off topic": (qa("Who painted the ceiling of the Sistine Chapel?", "Michelangelo"), "off topic"),
    "copied seed": (qa(SEED, "Boiling water can spit from the spout."), "copied seed"),
    "question for an answer": (qa(answer="How much do you want?"), "no answer"),
    "answer is the question": (qa(answer="The K3 kettle need water."), "answer in question"),
    "no words": (qa(answer="..."), "no answer"),
    "cut off": (
        qa(answer="Always lift the kettle off its base before filling it, and dry the underside if any"),
        "cut off",
    ),
    "wrong number": (qa(answer="At least 0.7 litres."), "wrong number"),
    "number added": (qa(answer="At least 0.5 litres, in 1998."), "wrong number"),
    "invented words": (qa(answer="A spoonful of honest moonlight."), "unsupported"),
    "pasted passage": (qa(answer=PASSAGE), "pasted passage"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_vetoed(cheat: str) -> None:
    candidate, reason = CHEATS[cheat]
    drop = asyncio.run(METRIC.veto(candidate))
    assert drop
    assert drop.reason == reason


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_worth_nothing(cheat: str) -> None:
    assert asyncio.run(METRIC.worth(CHEATS[cheat][0])).score == 0.0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, ANSWER),
        ("What can happen to the water when the K3 kettle is filled above MAX?", "It can spit from the spout."),
        ("How many litres does the K3 kettle hold at the MAX line?", "1.7 litres"),
        ("Which part of the kettle must be dry if water runs down?", "The underside"),
        ("What is the purpose of the MAX line on the K3 kettle?", "Above MAX, water can spit from the spout."),
        ("How long does the K3 kettle take to heat water?", DOES_NOT_SAY),
    ],
)
def test_an_honest_row_is_kept(question: str, answer: str) -> None:
    assert asyncio.run(METRIC.veto(qa(question, answer))) is None


def test_an_honest_row_clears_the_whole_gate() -> None:
    assert asyncio.run(METRIC.judged(qa())).drop is None


def test_a_question_alone_is_held_to_the_rules_of_questions_only() -> None:
    assert veto(qa(answer="")) is None


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
    asyncio.run(Metric(RECIPE, embed, METRIC.bars, judges=[judge]).judged(CHEATS["wrong number"][0]))
    assert judge.heard == 0


TEXTS = st.lists(st.sampled_from(["a", "b", "the", "kettle", "water", "1.7", "don't"]), max_size=12).map(" ".join)


@given(TEXTS, TEXTS)
def test_overlaps_lie_between_0_and_1(one: str, other: str) -> None:
    assert all(0 <= measure(one, other) <= 1 for measure in (f1, rouge_l, copied_share, word_support))


@given(TEXTS, TEXTS)
def test_overlaps_are_symmetric(one: str, other: str) -> None:
    assert (rouge_l(one, other), f1(one, other)) == (rouge_l(other, one), f1(other, one))


@given(TEXTS.map(lambda text: f"{text} water"))
def test_a_text_is_wholly_like_itself(text: str) -> None:
    assert [measure(text, text.upper()) for measure in (f1, rouge_l, copied_share, word_support)] == [1, 1, 1, 1]


@given(TEXTS, TEXTS)
def test_rouge_l_is_the_longest_common_subsequence(one: str, other: str) -> None:
    ours, theirs = words(one), words(other)
    table = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, w in enumerate(ours):
        for j, v in enumerate(theirs):
            table[i + 1][j + 1] = table[i][j] + 1 if w == v else max(table[i][j + 1], table[i + 1][j])
    expected = 2 * table[-1][-1] / (len(ours) + len(theirs)) if ours and theirs else 0.0
    assert rouge_l(one, other) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("0.5 litres", []),
        ("1.7 and 0.5 litres.", []),
        ("7 litres", ["7"]),
        ("1,7 litres", ["1,7"]),
        ("from 10:30 on 3/4/2026", ["10:30", "3/4/2026"]),
        ("no number", []),
    ],
)
def test_missing_numbers(answer: str, missing: list[str]) -> None:
    assert missing_numbers(answer, PASSAGE) == missing


@pytest.mark.parametrize(
    ("answer", "share"),
    [("the kettle", 1.0), ("kettle moonlight", 0.5), ("moonlight", 0.0), ("of the", 1.0), ("KETTLE", 1.0)],
)
def test_word_support_is_the_share_of_content_words_found(answer: str, share: float) -> None:
    assert word_support(answer, PASSAGE) == share


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), min_size=2, max_size=20))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    pairs = [(g, b) for g, good in rows if good for b, bad in rows if not bad]
    found = plain(auroc(np.array([score for score, _ in rows]), np.array([label for _, label in rows])), len(rows))
    expected = sum((g > b) + 0.5 * (g == b) for g, b in pairs) / len(pairs) if pairs else float("nan")
    assert found == pytest.approx(expected, nan_ok=True)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(1), 0
    groups = [str(n // 4) for n in range(80)]
    for _ in range(40):
        interval = grouped_interval(list(np.repeat(rng.normal(0.5, 0.2, 20), 4) + rng.normal(0, 0.1, 80)), groups)
        covered += interval.low <= 0.5 <= interval.high
    assert covered >= 34


def test_rows_of_one_group_count_as_one_observation() -> None:
    values = [0.0, 1.0, 0.0, 1.0] * 20
    alone, together = ([str(n) for n in range(80)], [str(n % 4) for n in range(80)])
    widths = [(i := grouped_interval(values, groups)).high - i.low for groups in (together, alone)]
    assert widths[0] > 2 * widths[1]


def test_one_group_gives_the_widest_interval() -> None:
    interval = grouped_interval([0.2, 0.4], ["a", "a"])
    assert (interval.mean, interval.low, interval.high) == (pytest.approx(0.3), -1.0, 1.0)
