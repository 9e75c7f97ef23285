"""Evidence on whether an answer is one to its very question, in numbers and in a person's words."""

import asyncio

import pytest
from support.bags import embed

from metrics.answering import asked_for
from metrics.evidence import evidence
from metrics.row import Finding
from programs.core.row import Exchange

DOCUMENT = (
    "The lighthouse on Skarn was finished in 1889 by the builder Olaf Brun. It stands 41 metres above the sea. "
    "Two keepers lived in the tower until the lamp was made automatic in 1974."
)


def looked(question: str, answer: str) -> dict[str, Finding]:
    return asyncio.run(evidence(Exchange(text=DOCUMENT, asked=question, said=answer), embed))


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who finished the lighthouse?", "a person"),
        ("In which year was the lamp made automatic?", "a time"),
        ("How many keepers lived there?", "a number"),
        ("How long did it take?", "a length or a time"),
        ("Where does it stand?", "a place"),
        ("Why was the lamp changed?", "a reason"),
        ("What stands above the sea?", "a thing"),
        ("Is the lamp automatic?", "yes or no"),
    ],
)
def test_a_question_asks_for_a_kind(question: str, kind: str) -> None:
    assert asked_for(question) == kind


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("Who finished the lighthouse?", "The builder Olaf Brun", "41"),
        ("When was the lighthouse on Skarn finished?", "In 1889", "By the builder"),
        ("How many keepers lived in the tower?", "Two", "In the tower"),
        ("What stands above the sea?", "", "Yes."),
        ("Does the lighthouse stand above the sea?", "Yes, it does.", "Olaf Brun"),
    ],
)
def test_an_answer_of_another_kind_than_is_asked_for_is_told(question: str, right: str, wrong: str) -> None:
    finding = looked(question, wrong)["answer type"]
    assert finding.score == 0
    assert finding.said.startswith("the question asks for ")
    assert not right or looked(question, right)["answer type"].score == 1


def test_one_sentence_has_to_bear_question_and_answer_together() -> None:
    asked = "When was the lighthouse on Skarn finished?"
    right, wrong = (looked(asked, answer)["together"] for answer in ("In 1889", "In 1974"))
    assert right.score == 1
    assert wrong.score < 0.5
    assert "both what is asked and what is answered" in wrong.said


def test_an_answer_from_another_place_than_is_asked_about_is_told() -> None:
    asked = "When was the lighthouse on Skarn finished?"
    own, other = (
        looked(asked, answer)["place"].score for answer in ("It was finished in 1889", "Two keepers lived there")
    )
    assert own > other


def test_a_question_that_holds_its_answer_is_told_and_a_sentence_that_repeats_its_question_is_not() -> None:
    assert looked("Is it the builder Olaf Brun who finished it?", "Olaf Brun")["adds"].score == 0
    assert (
        looked("When was the lighthouse on Skarn finished?", "The lighthouse was finished in 1889.")["adds"].score == 1
    )


def test_an_answer_that_breaks_off_is_told() -> None:
    asked = "Who finished the lighthouse?"
    for broken in ("Olaf Brun and the", "The lighthouse on Skarn was finished in"):
        assert looked(asked, broken)["whole"] == Finding(0.0, "the answer breaks off")
    for whole in ("Olaf Brun", "It was finished by Olaf Brun.", "Yes"):
        assert looked(asked, whole)["whole"].score == 1
    assert "whole" not in looked("", "Olaf Brun and the")
