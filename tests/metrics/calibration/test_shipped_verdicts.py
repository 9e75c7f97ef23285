"""The verdicts that ship: well formed, on the shipped documents, and as data/README.md says."""

from collections import Counter

import pytest
from support.paths import DATA

from metrics.calibration.verdicts import LabelledCase, verdict_line
from optimize.seeds import read_lines
from programs.core.text import sentences
from programs.qa.grounded_qa import QASeed
from seedbed.sources.documents import read_documents

FILES = ("pairs", "verdicts", "questions")


def cases(name: str) -> list[LabelledCase]:
    lines = read_lines(DATA / "qa" / "grounded_qa" / f"{name}.jsonl", verdict_line)
    return [line for line in lines if isinstance(line, LabelledCase)]


def flat(text: str | None) -> str:
    """The text, however its lines are broken."""
    return " ".join((text or "").split())


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    """The text of each shipped document, as a run reads it."""
    return {document.name: flat(document.text) for document in read_documents("documents", DATA).documents}


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """The shipped documents that have no seeds, and none of the first verdicts."""
    seeds = read_lines(DATA / "qa" / "grounded_qa" / "seeds.jsonl", QASeed.model_validate_json)
    known = {seed.source for seed in seeds} | {case.group for case in cases("pairs")}
    return {path.name for path in (DATA / "documents").iterdir()} - known


@pytest.mark.parametrize("name", FILES)
def test_every_passage_stands_in_its_document(name: str, documents: dict[str, str]) -> None:
    for case in cases(name):
        assert flat(case.document) in documents[f"documents/{case.group}"], case.id


@pytest.mark.parametrize("name", FILES)
def test_a_bad_row_says_which_fault_it_has_and_every_row_why(name: str) -> None:
    for case in cases(name):
        assert (case.aspect == "overall") == (case.label == 1), case.id
        assert case.reason, case.id
        assert case.question, case.id


def test_no_two_verdicts_have_the_same_id() -> None:
    ids = Counter(case.id for name in FILES for case in cases(name))
    assert [id for id, times in ids.items() if times > 1] == []


def test_the_replies_are_those_of_the_shelfs_models_most_on_documents_without_seeds(bare: set[str]) -> None:
    rows = cases("verdicts")
    assert Counter(case.teacher for case in rows) == {"qwen2.5-coder-0.5b": 156, "smollm2-135m": 35}
    assert sum(case.group in bare for case in rows) >= 160
    assert len({(case.document, case.question, case.answer) for case in rows}) == 191


def test_there_are_four_questions_on_each_document_without_seeds(bare: set[str]) -> None:
    assert Counter(case.group for case in cases("questions")) == dict.fromkeys(bare, 2 * 4)
    assert len(bare) == 14


def test_each_question_has_a_short_answer_and_as_its_twin_the_sentence_that_bears_it() -> None:
    rows, first = cases("questions"), 0
    for short, whole in zip(rows[::2], rows[1::2], strict=True):
        assert (whole.id, whole.document, whole.question) == (f"{short.id}s", short.document, short.question)
        told = [flat(piece) for piece in sentences(short.document or "")]
        assert whole.answer in told, whole.id
        assert short.answer not in told, short.id
        assert 40 <= len(flat(short.document).split()) <= 120, short.id
        first += whole.answer == told[0]
    assert first == 10
