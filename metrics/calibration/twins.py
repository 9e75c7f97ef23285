"""Other right answers to a good row's question, one of each shape that a bad row may have: its twin.

Were every bad row a sentence, a number or a name, and every good one not, a fit would learn the shapes. So beside the
answer that a person gave stand the sentence that bears it, its number alone, its name alone, its yes or no alone.
"""

import re
from collections.abc import Iterator

from metrics.calibration.verdicts import LabelledCase
from programs.core.candidate import digest
from programs.core.text import NUMBER, STOP_WORDS, names, sentences, stems, words
from programs.core.text import numbers as numbers_of

BORNE = 0.6  # of an answer's words of meaning: from here on a sentence is taken to say what the answer says
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|far|often|high|old|warm)|what (?:number|year)|when|which year)\b", re.IGNORECASE
)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where|which|what (?:is|was) the (?:name|title))\b", re.IGNORECASE)


def twins(case: LabelledCase) -> list[LabelledCase]:
    """The good row's twins, without those that are its answer again. Deterministic."""
    said, made = {" ".join(words(case.answer))}, []
    for what, text in _shapes(case):
        if (plain := " ".join(words(text))) not in said:
            said.add(plain)
            update = {"answer": text, "reason": f"twin: {what}", "scores": {}}
            made.append(case.model_copy(update={**update, "id": f"twin-{digest(case.id, what, text)}"}))
    return made


def bearing(case: LabelledCase, least: float = BORNE) -> str | None:
    """The sentence of the document that says what the answer says, with all its numbers; None where none holds the
    `least` share of the words that the answer adds to the question. Of equals the one with more of the question's."""
    asked, said = stems(case.question or ""), stems(case.answer)
    added, counted = said - asked or said, set(numbers_of(case.answer)) - set(numbers_of(case.question or ""))
    fitting = [one for one in sentences(case.document or "") if counted <= set(numbers_of(one))]
    if not added or not fitting:
        return None
    there = {one: stems(one) for one in fitting}
    best = max(fitting, key=lambda one: (len(added & there[one]) + len(asked & there[one]) / 2, -len(one)))
    return best if len(added & there[best]) >= least * len(added) else None


def counted(text: str, at: re.Match[str], *, bare: bool) -> str:
    """A number of a text, with the word that follows it where that is a unit or a noun."""
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
    named = [name for name in names(case.document or "") if name in case.answer and name not in question]
    if len(named) == 1 and _ASKS_NAME.search(question):
        yield "name", named[0]
    if said := re.match(r"(yes|no)[,.;]", case.answer, re.IGNORECASE):
        yield "yes or no", f"{said[1]}."
