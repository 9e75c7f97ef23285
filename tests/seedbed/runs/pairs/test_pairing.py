"""Laws of pairs: the better answer was accepted and has the higher score, and both answer one prompt."""

from hypothesis import given
from hypothesis import strategies as st

from programs.core.kinds import Chat
from seedbed.runs.pairs.answers import Answer
from seedbed.runs.pairs.pairing import best_pair

MARGIN = 0.2


class Exchange(Chat, prompt="question", response="answer"):
    question: str = "How much water does the kettle need?"
    answer: str = ""


def answer(text: str, score: float, fate: str, *, teacher: str = "small", sampled: bool = False) -> Answer:
    """An answer that is a `row`, that the run refused beside another row (`twin`), or that the gate `refused`."""
    return Answer(
        Exchange(answer=text),
        score,
        [],
        accepted=fate == "row",
        refused=fate == "refused",
        row="id",
        lineage={"teacher": teacher},
        sampled=sampled,
    )


ANSWERS = st.lists(
    st.builds(
        answer,
        st.sampled_from(["Half a litre.", "half a LITRE", "1.7 litres", "The document does not say.", "A cup!"]),
        st.sampled_from([0.0, 0.3, 0.5, 0.55, 0.7, 0.9, 1.0]),
        st.sampled_from(["row", "twin", "refused"]),
    ),
    min_size=1,
    max_size=6,
).filter(lambda answers: any(answer.accepted for answer in answers))


@given(ANSWERS)
def test_a_pair_has_no_tie_one_prompt_two_answers_and_the_order_of_its_scores(answers: list[Answer]) -> None:
    pair = best_pair(answers, MARGIN)
    if pair is None:
        return
    assert pair.chosen.accepted
    assert pair.chosen.score == max(answer.score for answer in answers if answer.accepted)
    assert pair.chosen.score > pair.rejected.score
    assert pair.rejected.refused or pair.chosen.score - pair.rejected.score >= MARGIN - 1e-9
    assert pair.chosen.prompt == pair.rejected.prompt
    assert pair.chosen.words != pair.rejected.words


@given(ANSWERS)
def test_a_prompt_with_a_worse_answer_has_a_pair_with_the_worst(answers: list[Answer]) -> None:
    pair = best_pair(answers, MARGIN)
    best = max((answer for answer in answers if answer.accepted), key=lambda answer: answer.score)
    refused = [answer for answer in answers if answer.refused and answer.score < best.score]
    others = [answer for answer in refused if answer.words != best.words]
    if others:
        assert pair
        assert pair.rejected.score <= min(answer.score for answer in others)


def test_answers_that_differ_in_case_and_punctuation_alone_never_pair() -> None:
    assert best_pair([answer("Half a litre.", 0.9, "row"), answer("half a LITRE!", 0.0, "refused")], MARGIN) is None


def test_an_accepted_answer_is_the_worse_one_from_the_margin_on() -> None:
    best = answer("Half a litre.", 0.7, "row")
    assert best_pair([best, answer("A cup.", 0.51, "twin")], MARGIN) is None
    assert best_pair([best, answer("A cup.", 0.5, "twin")], MARGIN)


def test_the_origin_says_whose_the_worse_answer_is() -> None:
    best = answer("Half a litre.", 0.7, "row")
    worse = [
        answer("A cup.", 0.0, "refused"),
        answer("A cup.", 0.0, "refused", teacher="large"),
        answer("A cup.", 0.0, "refused", sampled=True),
    ]
    pairs = [best_pair([best, other], MARGIN) for other in worse]
    assert [pair and pair.origin for pair in pairs] == ["rejected", "teachers", "samples"]
