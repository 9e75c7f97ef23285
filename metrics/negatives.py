"""Hard negatives made by rule from good rows, for projects whose people gave only good ones. Each says it was made."""

import re
from collections.abc import Callable, Sequence

from metrics.case import LabelledCase
from programs.candidate import digest
from programs.text import words

OTHERS = 200  # rows that may lend a row their answer or question: those after it, and then the first
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+(?: [A-Z]\w+)*")
_VERB = re.compile(r"\b(is|are|was|were|can|could|may|must|will|would|should|has|have|had|does|do|did)\b(?! not)")

Maker = Callable[[LabelledCase, Sequence[LabelledCase]], str | None]
"""(a good case, the others) -> the spoilt answer, or None where the rule does not fit the row."""


def swapped_number(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """One number of the answer changed to another of the same length, preferably one that the document also holds."""
    found = list(_NUMBER.finditer(case.answer))
    if not found:
        return None
    at = found[_pick(case, len(found))]
    held = sorted({n for n in _NUMBER.findall(case.document or "") if n != at[0] and len(n) == len(at[0])})
    other = held[_pick(case, len(held))] if held else _next(at[0])
    return case.answer[: at.start()] + other + case.answer[at.end() :]


def swapped_name(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """One name of the answer changed to another name of the document."""
    found = list(_NAME.finditer(case.answer))
    held = sorted(set(_NAME.findall(case.document or "")) - {match[0] for match in found})
    if not found or not held:
        return None
    at = found[_pick(case, len(found))]
    return case.answer[: at.start()] + held[_pick(case, len(held))] + case.answer[at.end() :]


def negated(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """The first verb that can be is negated."""
    found = _VERB.search(case.answer)
    return None if not found else f"{case.answer[: found.end()]} not{case.answer[found.end() :]}"


def truncated(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """The first half of an answer of twelve words or more, cut within a sentence."""
    pieces = case.answer.split()
    return " ".join(pieces[: len(pieces) // 2]).rstrip(".,;:") if len(pieces) >= 12 else None


def other_answer(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """The answer to another question, of the same document where there is one."""
    near = [other for other in others if other.unit == case.unit] or list(others)
    found = [other.answer for other in near if not set(words(other.answer)) & set(words(case.answer))]
    return found[_pick(case, len(found))] if found else None


def other_question(case: LabelledCase, others: Sequence[LabelledCase]) -> str | None:
    """The question of another document, which this one does not answer."""
    found = [other.question for other in others if other.unit != case.unit and other.question]
    return found[_pick(case, len(found))] if found else None


RULES: tuple[tuple[str, str, str, Maker], ...] = (
    ("number swapped", "grounded", "answer", swapped_number),
    ("name swapped", "grounded", "answer", swapped_name),
    ("negated", "grounded", "answer", negated),
    ("cut off", "relevant", "answer", truncated),
    ("answer to another question", "relevant", "answer", other_answer),
    ("question on another document", "answerable", "question", other_question),
)
"""What is done, the aspect it spoils, the field it is done to, and how."""


def hard_negatives(good: Sequence[LabelledCase]) -> list[LabelledCase]:
    """One bad row for each good one, by a rule that fits it; rows that no rule fits give none.

    Deterministic. Each is marked `made: rule` and says in its reason what was done.
    """
    made = []
    for number, case in enumerate(good):
        after = good[number + 1 : number + 1 + OTHERS]
        others = [*after, *good[: min(number, OTHERS - len(after))]]
        fitting = [
            _spoilt(case, what, aspect, field, text)
            for what, aspect, field, rule in RULES
            if (text := rule(case, others)) and text != getattr(case, field)
        ]
        if fitting:
            made.append(fitting[_pick(case, len(fitting))])
    return made


def _spoilt(case: LabelledCase, what: str, aspect: str, field: str, text: str) -> LabelledCase:
    update = {"label": 0.0, "aspect": aspect, "made": "rule", "reason": f"made by rule: {what}", "scores": {}}
    return case.model_copy(update={**update, field: text, "id": f"rule-{digest(case.id, what, text)}"})


def _pick(case: LabelledCase, n: int) -> int:
    return int(digest(case.question, case.answer), 16) % n


def _next(number: str) -> str:
    """Another number of as many digits."""
    last = (int(number[-1]) + 1) % 10
    return f"{number[:-1]}{last}"
