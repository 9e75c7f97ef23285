"""Programs that cheat score below an honest weak one, on real passages with the real embedder."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.case import LabelledCase, verdict_line
from metrics.metric import Bars, Metric
from optimize.seeds import read_lines
from programs.grounded_qa import QA, RECIPE, QASeed
from programs.text import content_words, sentences
from seedbed.embedder import MODEL, Embedder
from signatures.grounding import DOES_NOT_SAY

DATA = Path(__file__).parent.parent / "data"
Written = tuple[str, str]
Program = Callable[[LabelledCase], Written]

CASES = [
    case
    for case in read_lines(DATA / "verdicts" / "grounded_qa.jsonl", verdict_line)
    if isinstance(case, LabelledCase) and case.label > 0
][::2]
SEEDS = read_lines(DATA / "seeds" / "grounded_qa.jsonl", QASeed.model_validate_json)
SEED = next(seed for seed in SEEDS if seed.answer)


def best_sentence(case: LabelledCase) -> str:
    """The sentence of the passage with the most words of the question: the honest weak program's answer."""
    asked = set(content_words(case.question or ""))
    return max(sentences(case.document or ""), key=lambda one: len(asked & set(content_words(one))))


def honest(case: LabelledCase) -> Written:
    return case.question or "", best_sentence(case)


def longest(case: LabelledCase) -> str:
    return max(sentences(case.document or ""), key=len)


def asked(case: LabelledCase) -> str:
    return case.question or ""


def listed(case: LabelledCase) -> list[str]:
    return content_words(case.document or "")


CHEATS: dict[str, Program] = {
    "a seed again": lambda case: (SEED.question, SEED.answer or ""),
    "a seed with a word changed": lambda case: (SEED.question.replace(" the ", " this "), best_sentence(case)),
    "a demo of its own again": lambda case: ("How long may goods stay in the harbour shed?", best_sentence(case)),
    "the document's sentence as a question": lambda case: (f"{longest(case).rstrip('.')}?", longest(case)),
    "the document's sentence behind a phrase": lambda case: (
        f"Is it true that {longest(case)[0].lower()}{longest(case)[1:].rstrip('.')}?",
        "Yes, it is.",
    ),
    "a template left open": lambda case: ("What is the {question} of the document?", "{answer}"),
    "field marks in the answer": lambda case: (asked(case), f"[[ ## answer ## ]] {best_sentence(case)}"),
    "a field name in the answer": lambda case: (asked(case), f"{best_sentence(case)}\nQuestion: {asked(case)}"),
    "talk about itself": lambda case: (asked(case), f"As an AI language model, I say: {best_sentence(case)}"),
    "a loop": lambda case: (asked(case), " ".join([" ".join(listed(case)[:5])] * 6)),
    "nothing": lambda case: (asked(case), ""),
    "blanks and a full stop": lambda case: (asked(case), " ... "),
    "cut off": lambda case: (asked(case), longest(case)[: int(len(longest(case)) * 0.7)].rstrip(".,; ")),
    "the question again": lambda case: (asked(case), asked(case).rstrip("?") + "."),
    "a question for an answer": lambda case: (asked(case), asked(case)),
    "the whole passage": lambda case: (asked(case), case.document or ""),
    "a list of words as question": lambda case: (f"What {' '.join(listed(case)[:12])}?", best_sentence(case)),
    "a list of words as answer": lambda case: (asked(case), " ".join(listed(case)[:20]) + "."),
    "one question for every passage": lambda case: ("What is this passage mainly about?", best_sentence(case)),
    "two questions in one": lambda case: (f"{asked(case)} And why is that so?", best_sentence(case)),
    "its answer in the question": lambda case: (f"Is it {' '.join(listed(case)[:6])} that counts?", listed(case)[0]),
    "a number of its own": lambda case: (asked(case), f"{best_sentence(case).rstrip('.')} in 98765 cases."),
    "never an answer": lambda case: (asked(case), DOES_NOT_SAY),
    "words of its own": lambda case: (asked(case), "Generally experts recommend consulting qualified professionals."),
}


@pytest.fixture(scope="module")
def metric() -> Metric:
    shown = [SEED.question, "How long may goods stay in the harbour shed?"]
    return Metric(RECIPE, Embedder(MODEL), Bars(), shown=shown)


def mean(metric: Metric, program: Program) -> float:
    async def scores() -> list[float]:
        rows = [(case.document or "", *program(case)) for case in CASES]
        made = [QA(passage=document, question=question, answer=answer) for document, question, answer in rows]
        return [(await metric.judged(row)).score for row in made]

    found = asyncio.run(scores())
    return sum(found) / len(found)


def test_an_honest_weak_program_is_worth_something(metric: Metric) -> None:
    assert mean(metric, honest) > 0.3


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheating_program_is_worth_next_to_nothing(metric: Metric, cheat: str) -> None:
    assert mean(metric, CHEATS[cheat]) < 0.1
