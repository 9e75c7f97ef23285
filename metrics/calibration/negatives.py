"""Hard negatives made by rule from good rows, for fits whose people gave only good ones. Each says it was made."""

import re
from collections.abc import Callable, Sequence

from metrics.calibration.twins import bearing, counted, twins
from metrics.calibration.verdicts import LabelledCase
from programs.core.candidate import digest
from programs.core.text import (
    NUMBER,
    QUESTION_MARKS,
    STOP_WORDS,
    blank_words,
    is_letter,
    names,
    numbers,
    sentences,
    stems,
    words,
)

OTHERS = 200  # rows that may lend a row their answer or question: those after it, and then the first
MADE = "made by rule: "
ALIKE = 0.34  # of the words that the right answer adds to its question: from here on a text may be right as well
_DIGITS = re.compile(r"\d+")
_VERB = re.compile(r"\b(is|are|was|were|can|could|may|must|will|would|should|has|have|had|does|do|did)\b(?! not)")
_OPEN = re.compile(r"\b(?:what|when|where|who|whom|whose|which|why|how)\b", re.IGNORECASE)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = re.compile(
    rf"\b\d{{1,2}} {_MONTH}(?: \d{{4}})?|\b{_MONTH}(?: \d{{1,2}}(?:,? \d{{4}})?| \d{{4}})?\b|\b1\d{{3}}\b|\b20\d\d\b|"
    r"\b\d{1,2}:\d\d(?: ?[ap]m)?|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"
)

Spoilt = str | tuple[str, str] | None
"""A spoilt answer (or question, by the rule's field); question and answer both; None where a rule does not fit."""
Maker = Callable[[LabelledCase, Sequence[LabelledCase]], Spoilt]
"""(a good case, the others) -> what the rule makes of it."""


def swapped_number(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """One number of the answer changed to another of the same length, preferably one that the document also holds."""
    found = list(_DIGITS.finditer(case.answer))
    if not found:
        return None
    at = found[_pick(case, len(found))]
    held = sorted({n for n in _DIGITS.findall(case.document or "") if n != at[0] and len(n) == len(at[0])})
    other = held[_pick(case, len(held))] if held else _next(at[0])
    return case.answer[: at.start()] + other + case.answer[at.end() :]


def swapped_name(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """One name of the answer changed to another name of the document."""
    known = names(case.document or "")
    found = [name for name in known if name in case.answer]
    held = [name for name in known if name not in case.answer]
    return case.answer.replace(found[_pick(case, len(found))], held[_pick(case, len(held))]) if found and held else None


def negated(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The first verb that can be is negated."""
    found = _VERB.search(case.answer)
    return None if not found else f"{case.answer[: found.end()]} not{case.answer[found.end() :]}"


def truncated(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The first half of an answer of twelve words or more, cut within a sentence."""
    return _begun(case.answer, 12)


def other_answer(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The answer to another question, of the same document where there is one."""
    asking = [other for other in others if other.question != case.question]
    near = [other for other in asking if other.unit == case.unit] or asking
    found = [other.answer for other in near if not set(words(other.answer)) & set(words(case.answer))]
    return found[_pick(case, len(found))] if found else None


def other_question(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The question of another document, which this one does not answer."""
    found = [other.question for other in others if other.unit != case.unit and other.question]
    return found[_pick(case, len(found))] if found else None


def added_claim(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The right answer with something that another document says put behind it."""
    told = [one for other in others if other.unit != case.unit for one in sentences(other.document or "")]
    claim = _begun(told[_pick(case, len(told))], 6) if told else None
    return f"{case.answer.rstrip('.')}, and {_small(claim)}." if claim else None


def swapped_word(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The longest word of the answer changed to one of another document that this one does not hold."""
    plain = [word for word in re.findall(r"\b[a-z]{5,}\b", case.answer) if word not in STOP_WORDS]
    known = set(words(case.document or ""))
    text = next((other.document or "" for other in others if other.unit != case.unit), "")
    held = [word for word in dict.fromkeys(re.findall(r"\b[a-z]{5,}\b", text)) if word not in known | STOP_WORDS]
    if not plain or not held:
        return None
    return re.sub(rf"\b{max(plain, key=len)}\b", held[_pick(case, len(held))], case.answer)


def other_sentence(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """A sentence of the document that is not the one that bears the answer, nor the first."""
    return _of(case, sentences(case.document or "")[1:])


def first_sentence(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The document's first sentence, whatever is asked."""
    return _of(case, sentences(case.document or "")[:1])


def begun_sentence(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The beginning of a sentence of the document, cut before it says anything."""
    return _of(case, [begun for one in sentences(case.document or "") if (begun := _begun(one, 8))])


def three_words(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """Three words of the document as they follow each other."""
    pieces = (case.document or "").split()
    return _of(case, [" ".join(pieces[i : i + 3]).strip(".,;:") for i in range(0, len(pieces) - 2, 3)])


def first_number(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The document's first number that is not the right one, alone or with the word that follows it."""
    document, right = case.document or "", set(numbers(case.answer))
    found = [at for at in NUMBER.finditer(document) if numbers(at[0])[0] not in right]
    return _of(case, [counted(document, at, bare=_pick(case, 2) == 0) for at in found[:1]])


def other_name(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """A name of the document that is not the right one."""
    return _of(case, names(case.document or ""))


def other_date(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """Another date, year, weekday or time of the document, where the answer has one."""
    return _of(case, sorted(set(_DATE.findall(case.document or "")))) if _DATE.search(case.answer) else None


def yes_or_no(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """Yes or no to a question that asks what, who, when, where, which, why or how."""
    asks = _OPEN.search(case.question or "") and not re.match(r"(?:yes|no)\b", case.answer, re.IGNORECASE)
    return ("Yes.", "No.")[_pick(case, 2)] if asks else None


def words_of_question(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """Words of the question for an answer: true, and worth nothing."""
    asked = (case.question or "").rstrip(QUESTION_MARKS).split()
    right = stems(case.answer)
    said = " ".join(asked[-3:])
    return f"{said[:1].upper()}{said[1:]}." if len(asked) > 4 and not right <= stems(said) else None


def answer_in_question(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """The right answer to a question that gives it away."""
    if not case.question or not stems(case.answer):
        return None
    told, asked = case.answer.rstrip("."), case.question
    question = (f"{asked.rstrip('?')}: {told}?", f"If {_small(told)} is said, {_small(asked)}")[_pick(case, 2)]
    return question, case.answer


def sentence_in_question(case: LabelledCase, others: Sequence[LabelledCase]) -> Spoilt:
    """A question that restates the sentence that bears the answer, and asks for what it says."""
    sentence = bearing(case)
    if not sentence or not case.question:
        return None
    told = _small(sentence.rstrip("."))
    return (
        (f"Is it so that {told}?", "Yes, it is so."),
        (f"What is said of this, that {told}?", sentence),
        (f"Since {told}, {_small(case.question)}", case.answer),
    )[_pick(case, 3)]


RULES: tuple[tuple[str, str, str, Maker], ...] = (
    ("number swapped", "grounded", "answer", swapped_number),
    ("name swapped", "grounded", "answer", swapped_name),
    ("negated", "grounded", "answer", negated),
    ("cut off", "relevant", "answer", truncated),
    ("word swapped", "grounded", "answer", swapped_word),
    ("claim added", "grounded", "answer", added_claim),
    ("answer to another question", "relevant", "answer", other_answer),
    ("question on another document", "answerable", "question", other_question),
    ("another sentence", "relevant", "answer", other_sentence),
    ("first sentence", "relevant", "answer", first_sentence),
    ("beginning of a sentence", "relevant", "answer", begun_sentence),
    ("three words", "relevant", "answer", three_words),
    ("first number", "relevant", "answer", first_number),
    ("another name", "relevant", "answer", other_name),
    ("another date", "relevant", "answer", other_date),
    ("yes or no", "relevant", "answer", yes_or_no),
    ("words of the question", "question", "answer", words_of_question),
    ("question holds its answer", "question", "both", answer_in_question),
    ("question restates its sentence", "question", "both", sentence_in_question),
)
"""What is done, the aspect it spoils, the field it is done to, and how."""


EDITS = frozenset({"number swapped", "name swapped", "negated", "cut off", "word swapped", "claim added"})
"""What is done to the words of a right answer; the other kinds put something else in their place."""
ENGLISH = frozenset(
    {
        *("negated", "word swapped", "claim added", "yes or no"),
        *("question holds its answer", "question restates its sentence"),
    }
)
"""Kinds that take or make words of English."""


def hard_negatives(
    good: Sequence[LabelledCase], *, all_kinds: bool = False, english: bool = True
) -> list[LabelledCase]:
    """One bad row for each good one, by a rule that fits it, or with `all_kinds` one by every rule that fits; rows that
    no rule fits give none. Where they are not in `english`, no rule of English words fits.

    Deterministic. Each is marked `made: rule` and says in its reason what was done (`kind_of`).
    """
    made = []
    for number, case in enumerate(good):
        after = good[number + 1 : number + 1 + OTHERS]
        others = [*after, *good[: min(number, OTHERS - len(after))]]
        fitting = [
            _spoilt(case, what, aspect, field, text)
            for what, aspect, field, rule in RULES
            if (english or what not in ENGLISH) and (text := rule(case, others)) and text != getattr(case, field, None)
        ]
        made += fitting if all_kinds or not fitting else [fitting[_pick(case, len(fitting))]]
    return made


def contrasts(good: Sequence[LabelledCase]) -> list[LabelledCase]:
    """Good rows with all that a fit is to tell them from, and with their twins: negatives of every kind, and of the
    sentences among the twins those that are edits, so that a whole sentence may be wrong in a word as well."""
    beside = [twin for case in good for twin in twins(case)]
    told = [twin for twin in beside if twin.reason == "twin: sentence"]
    edited = [case for case in hard_negatives(told, all_kinds=True) if kind_of(case) in EDITS]
    return [*good, *beside, *hard_negatives(good, all_kinds=True), *edited]


def kind_of(case: LabelledCase) -> str:
    """By which rule a row was made bad, by its reason; '' for a person's row."""
    return case.reason.removeprefix(MADE) or "unnamed" if case.made == "rule" else ""


def _of(case: LabelledCase, texts: Sequence[str]) -> str | None:
    """One of the texts that cannot be right: it holds few of the words that the right answer adds to its question, and
    is not held by the answer, nor is it the sentence that is likeliest to bear it."""
    said, asked, bears = stems(case.answer), stems(case.question or ""), bearing(case, 0.0)
    added = said - asked or said
    wrong = [
        text
        for text in texts
        if text != bears and (own := stems(text)) and not own <= said and len(own & added) < ALIKE * max(len(added), 1)
    ]
    return wrong[_pick(case, len(wrong))] if wrong else None


def _begun(text: str, least: int) -> str | None:
    """The first half of a text of so many words."""
    pieces = text.split()
    if any(map(is_letter, words(text))):
        return text[: len(text) // 2] if blank_words(text) >= least else None
    return " ".join(pieces[: len(pieces) // 2]).rstrip(".,;:") if len(pieces) >= least else None


def _small(text: str) -> str:
    """With a small first letter, but for a name's or an I."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text if first[1:2].isupper() or first == "I" else text[:1].lower() + text[1:]


def _spoilt(case: LabelledCase, what: str, aspect: str, field: str, text: str | tuple[str, str]) -> LabelledCase:
    update = {"label": 0.0, "aspect": aspect, "made": "rule", "reason": f"{MADE}{what}", "scores": {}}
    spoilt = {field: text} if isinstance(text, str) else dict(zip(("question", "answer"), text, strict=True))
    return case.model_copy(update={**update, **spoilt, "id": f"rule-{digest(case.id, what, text)}"})


def _pick(case: LabelledCase, n: int) -> int:
    return int(digest(case.question, case.answer), 16) % n


def _next(number: str) -> str:
    """Another number of as many digits."""
    last = (int(number[-1]) + 1) % 10
    return f"{number[:-1]}{last}"
