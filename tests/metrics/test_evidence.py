"""Evidence: what each scorer sees, in numbers and in a person's words; and the metric that weighs it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bags import embed
from support.kettle import PASSAGE

from metrics.calibration.fit import Fitted, prior
from metrics.evidence import PARTS, Finding, evidence, missing_numbers, word_support
from metrics.metric import Bars, Metric
from programs.core.embedding import Vectors
from programs.core.row import Exchange
from programs.qa.grounded_qa import QA, RECIPE, GroundedQA
from signatures.refusal import DOES_NOT_SAY

DOCUMENT = (
    "The lighthouse on Skarn was finished in 1889. It stands 41 metres above the sea. "
    "Two keepers lived in the tower until the lamp was made automatic in 1974."
)
QUESTION = "When was the lighthouse on Skarn finished?"


def looked(row: Exchange, *more: Any) -> dict[str, Finding]:
    return asyncio.run(evidence(row, embed, *more))


def found(answer: str, question: str = QUESTION) -> dict[str, float]:
    row = Exchange(text=DOCUMENT, asked=question, said=answer)
    return {name: finding.score for name, finding in looked(row).items()}


def said(answer: str, part: str) -> str:
    return looked(Exchange(text=DOCUMENT, asked=QUESTION, said=answer))[part].said


def test_a_wrong_number_is_told_with_the_one_it_was_meant_for() -> None:
    assert said("It was finished in 1989.", "numbers") == "the answer says 1989; the document says 1889"
    assert found("It was finished in 1889.")["numbers"] == 1


def test_words_that_are_not_there_are_named() -> None:
    assert "'bishop'" in said("A bishop finished it.", "words")


def test_an_answer_in_its_place_beats_the_same_documents_other_facts() -> None:
    right, elsewhere = found("In 1889."), found("In 1974.")
    assert right["located"] > elsewhere["located"]
    assert right["numbers"] == elsewhere["numbers"] == 1


def test_words_in_another_order_are_not_verbatim() -> None:
    assert found("Two keepers lived in the tower")["verbatim"] == 1
    assert found("The tower lived in two keepers")["verbatim"] < 1


def test_a_denial_of_what_the_document_states_is_seen() -> None:
    assert found("The lighthouse on Skarn was not finished in 1889.")["denial"] == 0
    assert found("The lighthouse on Skarn was finished in 1889.")["denial"] == 1


def test_an_answer_that_the_document_does_not_say_is_weighed_by_its_question_alone() -> None:
    assert found(DOES_NOT_SAY).keys() == {"relevance"}


def test_a_row_without_a_document_has_no_evidence() -> None:
    assert looked(Exchange(asked="Name a colour.", said="Red.")) == {}


def test_a_cross_encoder_counts_the_least_supported_sentence() -> None:
    row = Exchange(text=DOCUMENT, asked=QUESTION, said="In 1889. By a bishop.")
    finding = looked(row, lambda document, parts: [float("bishop" not in part) for part in parts])["entailment"]
    assert finding.score == 0
    assert "By a bishop." in finding.said


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=80))
def test_every_score_lies_between_0_and_1(question: str, document: str, answer: str) -> None:
    scores = looked(Exchange(text=document, asked=question, said=answer))
    assert scores.keys() <= PARTS
    assert all(0 <= finding.score <= 1 for finding in scores.values())


@given(st.text(max_size=60), st.text(min_size=1, max_size=120), st.text(max_size=60))
def test_a_rows_texts_are_embedded_in_one_go(question: str, document: str, answer: str) -> None:
    """All that its scorers need, so that a row waits for the embedder once."""
    row, asked = Exchange(text=document, asked=question, said=answer), list[Sequence[str]]()

    def listening(texts: Sequence[str]) -> Vectors:
        asked.append(texts)
        return embed(texts)

    asyncio.run(evidence(row, listening))
    assert len(asked) == 1


def weighed(weight: float) -> Fitted:
    return prior(PARTS).model_copy(update={"weights": {"words": weight}, "intercept": 1.0})


@pytest.mark.parametrize("weight", [0.0, 1.0, 50.0])
def test_no_part_buys_off_a_veto(weight: float) -> None:
    metric = Metric(RECIPE, embed, Bars(relevance=0.1), fitted=weighed(weight))
    row = QA(passage=DOCUMENT, question=QUESTION, answer="It was finished in 1989.")
    worth = asyncio.run(metric.judged(row))
    assert worth.score == 0
    assert worth.feedback == "wrong number: the answer says 1989; the document says 1889"


def test_the_feedback_names_the_weakest_part() -> None:
    metric = Metric(RECIPE, embed, Bars(relevance=0.1, support=0.1), fitted=weighed(3.0))
    worth = asyncio.run(metric.worth(QA(passage=DOCUMENT, question=QUESTION, answer="The bishop finished it in 1889.")))
    assert worth.weakest == "words"
    assert "'bishop'" in worth.feedback


def test_the_metrics_own_threshold_is_the_fitted_one() -> None:
    row = QA(passage=DOCUMENT, question=QUESTION, answer="It was finished in 1889.")
    fitted = prior(PARTS).model_copy(update={"threshold": 0.99})
    assert asyncio.run(Metric(RECIPE, embed, Bars(relevance=0.1), fitted=fitted).judged(row)).drop
    assert not asyncio.run(Metric(RECIPE, embed, Bars(relevance=0.1, threshold=0.1), fitted=fitted).judged(row)).drop


def test_a_row_may_not_repeat_a_demo_of_its_own_program() -> None:
    program = GroundedQA()
    program.ask_question.demos = [{"document": "The ferry to Holm leaves at noon.", "question": "When does it leave?"}]
    metric = Metric(RECIPE, embed, Bars(relevance=0.0)).showing(program)
    copied = QA(passage=DOCUMENT, question="When does it leave?")
    drop = asyncio.run(metric.veto(copied))
    assert drop
    assert drop.reason == "copied seed"
    assert metric.hash != Metric(RECIPE, embed, Bars(relevance=0.0)).hash


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
