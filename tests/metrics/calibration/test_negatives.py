"""Rows made bad by rule: deterministic, each names its kind, and none is right after all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.calibration.contrasts import contrasts
from metrics.calibration.negatives import EDITS, OF_TEXTS, RULES, hard_negatives, kind_of
from metrics.calibration.twins import twins
from metrics.calibration.verdicts import LabelledCase, recipe_judges
from programs.core.text import stems

DOCUMENT = (
    "The lighthouse on Skarn was finished in March 1889 by the builder Olaf Brun. It stands 41 metres above the sea "
    "and is seen for 18 miles. Two keepers lived in the tower until the lamp was made automatic on 4 May 1974. "
    "Visitors may climb its 212 steps with a guide from Holm on Sundays between June and August."
)
OTHER = (
    "The ferry to Holm leaves at noon and takes 25 minutes. Dogs travel free of charge, and a bicycle costs 3 pounds."
)
GOOD = [
    ("Who finished the lighthouse on Skarn?", "It was the builder Olaf Brun who did."),
    ("When was the lamp on Skarn made automatic?", "On 4 May 1974"),
    ("How many steps does the tower have?", "There are 212 steps, which visitors may climb with a guide on Sundays."),
    ("May visitors climb the tower alone?", "No, a guide has to be with them."),
]
CASES = [LabelledCase(document=DOCUMENT, question=q, answer=a, label=1, group="skarn") for q, a in GOOD] + [
    LabelledCase(document=OTHER, question="How long does the ferry take?", answer="25 minutes", label=1, group="ferry")
]
ABOUT = {"question on another document", "question holds its answer", "question restates its sentence"}
"""Kinds that leave a right answer in its place, and spoil its question."""


def test_every_kind_is_made_and_says_its_name() -> None:
    made = hard_negatives(CASES, all_kinds=True)
    assert {kind_of(case) for case in made} == {what for what, *_ in RULES}
    assert {case.made for case in made} == {"rule"}
    assert {case.label for case in made} == {0.0}
    assert all(kind_of(case) == "" for case in CASES)


def test_one_row_makes_one_bad_row_unless_all_kinds_are_asked_for() -> None:
    one, every = hard_negatives(CASES), hard_negatives(CASES, all_kinds=True)
    assert len(one) == len(CASES)
    assert {case.id for case in one} <= {case.id for case in every}
    assert (hard_negatives(CASES), hard_negatives(CASES, all_kinds=True)) == (one, every)


WORDS = st.sampled_from(
    ["The", "of", "is", "has", "12", "doors", "Olaf", "Brun", "built it", "in 1889.", "was", "sold"]
)
TEXT = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)


@settings(max_examples=80)
@given(TEXT, TEXT, TEXT, TEXT)
def test_no_other_text_in_an_answers_place_holds_its_words_or_is_held_by_them(
    document: str, question: str, answer: str, other: str
) -> None:
    good = [
        LabelledCase(document=document, question=f"Where {question}?", answer=answer, label=1, group="one"),
        LabelledCase(document=other, question="Who was it?", answer=other, label=1, group="other"),
    ]
    for case in hard_negatives(good, all_kinds=True):
        whole = next(one for one in good if one.group == case.group)
        if kind_of(case) in EDITS | ABOUT or not stems(whole.answer):
            continue
        assert not stems(whole.answer) <= stems(case.answer), kind_of(case)
        assert not stems(case.answer) or not stems(case.answer) <= stems(whole.answer) - stems(whole.question or "")


@pytest.mark.parametrize(
    ("question", "answer", "shape", "twin"),
    [
        ("How many steps does the tower have?", "212 steps lead up.", "number", "212"),
        ("Who finished the lighthouse?", "It was the builder Olaf Brun.", "name", "Olaf Brun"),
        ("May visitors climb alone?", "No, a guide must go.", "yes or no", "No."),
        (
            "How far is it seen?",
            "For 18 miles",
            "sentence",
            "It stands 41 metres above the sea and is seen for 18 miles.",
        ),
    ],
)
def test_a_right_answer_has_a_twin_of_every_shape(question: str, answer: str, shape: str, twin: str) -> None:
    case = LabelledCase(document=DOCUMENT, question=question, answer=answer, label=1)
    made = {one.reason.removeprefix("twin: "): one.answer for one in twins(case)}
    assert made[shape].startswith(twin)
    assert all(one.label == 1 for one in twins(case))


def test_no_longer_is_no_no() -> None:
    case = LabelledCase(
        document="Keep it no longer than a day.", question="How long?", answer="No longer than a day", label=1
    )
    assert "twin: yes or no" not in {one.reason for one in twins(case)}


def test_a_whole_sentence_may_be_wrong_in_a_word_as_well() -> None:
    told = {one.answer for case in CASES for one in twins(case) if one.reason == "twin: sentence"}
    wrong = [case.answer for case in contrasts(CASES) if kind_of(case) == "number swapped"]
    assert told
    assert any(len(answer.split()) > 10 for answer in wrong)


@pytest.mark.parametrize("aspect", sorted(recipe_judges()))
def test_for_a_recipe_s_own_judge_only_its_own_rules_make_bad_rows(aspect: str) -> None:
    """A number of a text may change and its label stands; the text of another label is always wrong."""
    judge = recipe_judges()[aspect]
    assert judge.negatives
    assert {*judge.negatives} <= {kind for kind, *_ in OF_TEXTS}
    texts = (
        "Ana saw twelve boats on the lake, and the day after not a single one was left there.",
        "Bread needs time: whoever bakes it in an hour gets something that tastes of yeast and of little else.",
        "The meeting was moved to Thursday because the chair had lost the key of the cupboard with the minutes.",
    )
    good = [
        LabelledCase(id=str(n), question=f"{aspect} {n}", answer=text, label=1, aspect=aspect)
        for n, text in enumerate(texts)
    ]
    made = hard_negatives(good, all_kinds=True)
    assert {case.aspect for case in made} == {aspect}
    assert {kind_of(case) for case in made} <= {*judge.negatives}
    assert made
