"""Programs that cheat are found out, on real passages with the real embedder, by fits that left the document out."""

import asyncio
from collections.abc import Callable

import pytest
from support.paths import DATA

from metrics.calibration.shipped import shipped
from metrics.calibration.verdicts import LabelledCase, verdict_line
from metrics.metric import Bars, Metric
from optimize.seeds import read_lines
from programs.core.text import NUMBER, content_words, names, sentences
from programs.qa.grounded_qa import QA, RECIPE, QASeed
from seedbed.models.embedder import MODEL, Embedder
from signatures.refusal import DOES_NOT_SAY

pytestmark = pytest.mark.slow

Written = tuple[str, str]
Program = Callable[[LabelledCase], Written | None]
"""(a good case) -> question and answer; None where the cheat has nothing to say, or would be right by luck."""

CASES = [
    case
    for case in read_lines(DATA / "qa" / "grounded_qa" / "pairs.jsonl", verdict_line)
    if isinstance(case, LabelledCase) and case.label > 0
][::2]
BEARS = {
    **{"v-001": 3, "v-003": 1, "v-010": 1, "v-012": 0, "v-019": 1, "v-021": 3, "v-028": 1, "v-030": 1, "v-037": 2},
    **{"v-039": 1, "v-046": 2, "v-048": 2, "v-055": 3, "v-057": 2, "v-063": 2, "v-065": 3, "v-067": 0, "v-073": 3},
    **{"v-075": 3, "v-081": 2, "v-083": 2, "v-089": 0, "v-091": 1, "v-097": 3, "v-099": 2},
}
"""By hand: which sentence of the passage bears the answer. No other one answers the question."""
YES = {"v-089", "v-099"}
"""By hand: the questions to which yes is right, or half of it."""
SEEDS = read_lines(DATA / "qa" / "grounded_qa" / "seeds.jsonl", QASeed.model_validate_json)
SEED = next(seed for seed in SEEDS if seed.answer)


def best_sentence(case: LabelledCase) -> str:
    """The sentence of the passage with the most words of the question: the honest weak program's answer."""
    asked = set(content_words(case.question or ""))
    return max(sentences(case.document or ""), key=lambda one: len(asked & set(content_words(one))))


def bearing(case: LabelledCase) -> str:
    return sentences(case.document or "")[BEARS[case.id]]


def honest(case: LabelledCase, *, right: bool) -> Written | None:
    return (asked(case), best_sentence(case)) if (best_sentence(case) == bearing(case)) is right else None


def longest(case: LabelledCase) -> str:
    return max(sentences(case.document or ""), key=len)


def asked(case: LabelledCase) -> str:
    return case.question or ""


def first_sentence(case: LabelledCase) -> Written | None:
    return (asked(case), sentences(case.document or "")[0]) if BEARS[case.id] else None


def another_sentence(case: LabelledCase) -> Written:
    pieces = sentences(case.document or "")
    return asked(case), pieces[(BEARS[case.id] + 1) % len(pieces)]


def three_words(case: LabelledCase) -> Written:
    return asked(case), " ".join((case.document or "").split()[4:7]).strip(".,")


def first_number(case: LabelledCase) -> Written | None:
    found = NUMBER.search(case.document or "")
    return (asked(case), found[0]) if found else None


def another_name(case: LabelledCase) -> Written | None:
    known = f"{case.question} {case.answer}"
    found = next((name for name in names(case.document or "") if name not in known), None)
    return (asked(case), found) if found else None


def beginning(case: LabelledCase) -> Written:
    pieces = sentences(case.document or "")[0].split()
    return asked(case), " ".join(pieces[: len(pieces) // 2]).rstrip(",")


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
    "the first sentence, whatever is asked": first_sentence,
    "another sentence": another_sentence,
    "three words of the passage": three_words,
    "yes to every question": lambda case: None if case.id in YES else (asked(case), "Yes."),
    "the first number": first_number,
    "another name": another_name,
    "the beginning of a sentence": beginning,
    "words of its own": lambda case: (asked(case), "Generally experts recommend consulting qualified professionals."),
}


ROUNDED = 0.005  # a figure of two decimals
LEVEL = 0.15
"""What may be accepted of a cheat's rows."""
REACHED = {"the first sentence, whatever is asked": 0.32, "another sentence": 0.2, "the first number": 0.21}
"""Where that is not to be had without a model's word: the share that is accepted (docs/calibration.md says why)."""
WRONG = 0.45
"""What is accepted of the honest program's wrong rows: sentences that share most words with the question."""
HONEST: dict[str, tuple[Program, float]] = {
    "people's own answers": (lambda case: (asked(case), case.answer), 0.6),
    "the sentence that bears the answer": (lambda case: (asked(case), bearing(case)), 0.75),
    "honest, and right": (lambda case: honest(case, right=True), 0.75),
}


@pytest.fixture(scope="module")
def metrics() -> dict[str, Metric]:
    """By document, the metric whose fit left that document out; its threshold is the shipped one's."""
    shown, embed = [SEED.question, "How long may goods stay in the harbour shed?"], Embedder(MODEL)
    fits = shipped().without
    return {unit: Metric(RECIPE, embed, Bars(), fitted=fitted, shown=shown) for unit, fitted in fits.items()}


def accepted(metrics: dict[str, Metric], program: Program) -> float:
    """The share of a program's rows that are accepted, of those that are what it is named by."""

    async def dropped() -> list[bool]:
        made = [(case, written) for case in CASES if (written := program(case))]
        rows = [(case.unit, QA(passage=case.document or "", question=q, answer=a)) for case, (q, a) in made]
        return [(await metrics[unit].judged(row)).drop is None for unit, row in rows]

    found = asyncio.run(dropped())
    return sum(found) / len(found)


@pytest.mark.parametrize("program", HONEST)
def test_what_is_right_is_accepted(metrics: dict[str, Metric], program: str) -> None:
    write, least = HONEST[program]
    assert accepted(metrics, write) >= least


def test_of_the_honest_programs_wrong_rows_fewer_are_accepted(metrics: dict[str, Metric]) -> None:
    assert accepted(metrics, lambda case: honest(case, right=False)) <= WRONG


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheating_program_is_found_out(metrics: dict[str, Metric], cheat: str) -> None:
    assert accepted(metrics, CHEATS[cheat]) <= REACHED.get(cheat, LEVEL) + ROUNDED
