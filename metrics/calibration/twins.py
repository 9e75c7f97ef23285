"""Twins: other right answers to a good row's question, one for each shape that a bad row may have.

If every bad row were a sentence, a number or a name, and no good row were, a fit would learn the shapes. So a good row
gets as twins the sentence that bears its answer, its number alone, its name alone, its yes or no alone.
"""

import re
from collections.abc import Iterator

from metrics.calibration.verdicts import LabelledCase
from programs.core.row import digest
from programs.core.text import NUMBER, STOP_WORDS, names, sentences, stems, words
from programs.core.text import numbers as numbers_of

BORNE = 0.6  # of an answer's content words: a sentence with this share of them is taken to say what the answer says
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|far|often|high|old|warm)|what (?:number|year)|when|which year)\b", re.IGNORECASE
)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where|which|what (?:is|was) the (?:name|title))\b", re.IGNORECASE)


def twins(case: LabelledCase) -> list[LabelledCase]:
    """The good row's twins, without those that repeat its answer. Deterministic."""
    answers, result = {" ".join(words(case.answer))}, []
    for shape, text in _shapes(case):
        if (plain := " ".join(words(text))) not in answers:
            answers.add(plain)
            update = {"answer": text, "reason": f"twin: {shape}", "scores": {}}
            result.append(case.model_copy(update={**update, "id": f"twin-{digest(case.id, shape, text)}"}))
    return result


def bearing(case: LabelledCase, least: float = BORNE) -> str | None:
    """The sentence of the document that says what the answer says, with all numbers that the answer adds. None where no
    sentence has the `least` share of the words that the answer adds. Words of the question count half in the choice."""
    question, answer = stems(case.question or ""), stems(case.answer)
    added = answer - question or answer
    added_numbers = set(numbers_of(case.answer)) - set(numbers_of(case.question or ""))
    fitting = [sentence for sentence in sentences(case.document or "") if added_numbers <= set(numbers_of(sentence))]
    if not added or not fitting:
        return None
    own = {sentence: stems(sentence) for sentence in fitting}
    best = max(fitting, key=lambda text: (len(added & own[text]) + len(question & own[text]) / 2, -len(text)))
    return best if len(added & own[best]) >= least * len(added) else None


def counted(text: str, at: re.Match[str], *, bare: bool) -> str:
    """A number of a text, with the next word where that is a unit or a noun."""
    following = re.match(r" [^\W\d]{2,}\b", text[at.end() :])
    return at[0] if bare or not following or following[0].strip().lower() in STOP_WORDS else at[0] + following[0]


def _shapes(case: LabelledCase) -> Iterator[tuple[str, str]]:
    question = case.question or ""
    if sentence := bearing(case):
        yield "sentence", sentence
    numbers = list(NUMBER.finditer(case.answer))
    if len(numbers) == 1 and _ASKS_NUMBER.search(question):
        bare = int(digest(case.question, case.answer), 16) % 2 == 0
        yield "number", counted(case.answer, numbers[0], bare=bare)
    answer_names = [name for name in names(case.document or "") if name in case.answer and name not in question]
    if len(answer_names) == 1 and _ASKS_NAME.search(question):
        yield "name", answer_names[0]
    if yes_no := re.match(r"(yes|no)[,.;]", case.answer, re.IGNORECASE):
        yield "yes or no", f"{yes_no[1]}."
