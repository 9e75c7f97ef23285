"""Hard negatives: bad rows made by rule from good ones, for people who gave good rows only. Each names its rule."""

import re
from collections.abc import Callable, Sequence

from metrics.calibration.twins import bearing, counted
from metrics.calibration.verdicts import WHOLE_ROW, LabelledCase, recipe_judges
from programs.core.row import digest
from programs.core.text import (
    NUMBER,
    QUESTION_MARKS,
    STOP_WORDS,
    blank_words,
    content_words,
    is_letter,
    names,
    numbers,
    sentences,
    stems,
    words,
)
from programs.judges.judge import JUDGES

OTHER_CASES = 200  # rows that may lend a row their answer or question: the next ones, then the first ones
MADE = "made by rule: "
ALIKE = 0.34  # of the words that the right answer adds to its question: a text with this share of them may be right too
_DIGITS = re.compile(r"\d+")
_VERB = re.compile(r"\b(is|are|was|were|can|could|may|must|will|would|should|has|have|had|does|do|did)\b(?! not)")
_OPEN = re.compile(r"\b(?:what|when|where|who|whom|whose|which|why|how)\b", re.IGNORECASE)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = re.compile(
    rf"\b\d{{1,2}} {_MONTH}(?: \d{{4}})?|\b{_MONTH}(?: \d{{1,2}}(?:,? \d{{4}})?| \d{{4}})?\b|\b1\d{{3}}\b|\b20\d\d\b|"
    r"\b\d{1,2}:\d\d(?: ?[ap]m)?|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"
)

Spoilt = str | tuple[str, str] | None
"""A spoilt answer (or question, by the rule's field), or both question and answer; None where a rule does not fit."""
Maker = Callable[[LabelledCase, Sequence[LabelledCase]], Spoilt]
"""(a good case, other good cases) -> the spoilt text."""


def swapped_number(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """One number of the answer is changed to another of the same length, if possible one from the document."""
    matches = list(_DIGITS.finditer(case.answer))
    if not matches:
        return None
    match = matches[_pick(case, len(matches))]
    numerals = sorted({n for n in _DIGITS.findall(case.document or "") if n != match[0] and len(n) == len(match[0])})
    number = numerals[_pick(case, len(numerals))] if numerals else _next(match[0])
    return case.answer[: match.start()] + number + case.answer[match.end() :]


def swapped_name(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """One name of the answer is changed to another name of the document."""
    in_document = names(case.document or "")
    own = [name for name in in_document if name in case.answer]
    wrong = [name for name in in_document if name not in case.answer]
    return case.answer.replace(own[_pick(case, len(own))], wrong[_pick(case, len(wrong))]) if own and wrong else None


def negated(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The first verb that can be negated is negated."""
    verb = _VERB.search(case.answer)
    return None if not verb else f"{case.answer[: verb.end()]} not{case.answer[verb.end() :]}"


def truncated(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The first half of an answer of twelve words or more, cut within a sentence."""
    return _first_half(case.answer, 12)


def other_answer(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The answer to another question, if possible one on the same document."""
    asking = [row for row in other_cases if row.question != case.question]
    near = [row for row in asking if row.unit == case.unit] or asking
    answers = [row.answer for row in near if not set(words(row.answer)) & set(words(case.answer))]
    return answers[_pick(case, len(answers))] if answers else None


def other_text(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The text of a row that was asked for something else, with few of the words of this one."""
    own = set(content_words(case.answer))
    asked_else = [row.answer for row in other_cases if row.question != case.question and row.unit != case.unit]
    others = [text for text in asked_else if len(own & set(content_words(text))) < ALIKE * len(own)]
    return others[_pick(case, len(others))] if others else None


def other_question(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The question on another document, which this document does not answer."""
    questions = [row.question for row in other_cases if row.unit != case.unit and row.question]
    return questions[_pick(case, len(questions))] if questions else None


def added_claim(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The right answer, followed by a claim from another document."""
    claims = [text for row in other_cases if row.unit != case.unit for text in sentences(row.document or "")]
    claim = _first_half(claims[_pick(case, len(claims))], 6) if claims else None
    return f"{case.answer.rstrip('.')}, and {_small(claim)}." if claim else None


def swapped_word(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The longest word of the answer is changed to a word of another document that this document does not have."""
    plain = [word for word in re.findall(r"\b[a-z]{5,}\b", case.answer) if word not in STOP_WORDS]
    own = set(words(case.document or ""))
    text = next((row.document or "" for row in other_cases if row.unit != case.unit), "")
    foreign = [word for word in dict.fromkeys(re.findall(r"\b[a-z]{5,}\b", text)) if word not in own | STOP_WORDS]
    if not plain or not foreign:
        return None
    return re.sub(rf"\b{max(plain, key=len)}\b", foreign[_pick(case, len(foreign))], case.answer)


def other_sentence(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """A sentence of the document: not the first one, and not the one that bears the answer."""
    return _of(case, sentences(case.document or "")[1:])


def first_sentence(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The document's first sentence, for any question."""
    return _of(case, sentences(case.document or "")[:1])


def begun_sentence(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The beginning of a sentence of the document, cut before it says anything."""
    return _of(case, [half for text in sentences(case.document or "") if (half := _first_half(text, 8))])


def three_words(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """Three consecutive words of the document."""
    pieces = (case.document or "").split()
    return _of(case, [" ".join(pieces[i : i + 3]).strip(".,;:") for i in range(0, len(pieces) - 2, 3)])


def first_number(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The document's first number that is not in the answer, alone or with the word that follows it."""
    document, own_numbers = case.document or "", set(numbers(case.answer))
    wrong = [match for match in NUMBER.finditer(document) if numbers(match[0])[0] not in own_numbers]
    return _of(case, [counted(document, match, bare=_pick(case, 2) == 0) for match in wrong[:1]])


def other_name(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """A name of the document that is not the right one."""
    return _of(case, names(case.document or ""))


def other_date(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """Another date, year, weekday or time of the document, where the answer has one."""
    return _of(case, sorted(set(_DATE.findall(case.document or "")))) if _DATE.search(case.answer) else None


def yes_or_no(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """Yes or no to a question that asks what, who, when, where, which, why or how."""
    asks = _OPEN.search(case.question or "") and not re.match(r"(?:yes|no)\b", case.answer, re.IGNORECASE)
    return ("Yes.", "No.")[_pick(case, 2)] if asks else None


def words_of_question(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """Words of the question as the answer: true, and useless."""
    question = (case.question or "").rstrip(QUESTION_MARKS).split()
    last = " ".join(question[-3:])
    return f"{last[:1].upper()}{last[1:]}." if len(question) > 4 and not stems(case.answer) <= stems(last) else None


def answer_in_question(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """The right answer to a question that gives it away."""
    if not case.question or not stems(case.answer):
        return None
    answer, question = case.answer.rstrip("."), case.question
    leading = f"{question.rstrip('?')}: {answer}?", f"If {_small(answer)} is said, {_small(question)}"
    return leading[_pick(case, 2)], case.answer


def sentence_in_question(case: LabelledCase, other_cases: Sequence[LabelledCase]) -> Spoilt:
    """A question that restates the sentence that bears the answer, and then asks for it."""
    sentence = bearing(case)
    if not sentence or not case.question:
        return None
    claim = _small(sentence.rstrip("."))
    return (
        (f"Is it so that {claim}?", "Yes, it is so."),
        (f"What is said of this, that {claim}?", sentence),
        (f"Since {claim}, {_small(case.question)}", case.answer),
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
"""The kind, the aspect that it spoils, the field that it changes, and the rule."""
OF_TEXTS = (("another text", "relevant", "answer", other_text), *(rule for rule in RULES if rule[0] == "cut off"))
"""Those that a recipe's own judge may name: its rows need not rest on a document."""


EDITS = frozenset({"number swapped", "name swapped", "negated", "cut off", "word swapped", "claim added"})
"""Kinds that change the words of a right answer; the other kinds replace the whole text."""
SHARED = frozenset({WHOLE_ROW, *JUDGES})
"""Aspects for which all rules are made."""
ENGLISH = frozenset(
    {
        *("negated", "word swapped", "claim added", "yes or no"),
        *("question holds its answer", "question restates its sentence"),
    }
)
"""Kinds that need or write English words."""


def hard_negatives(
    good: Sequence[LabelledCase], *, all_kinds: bool = False, english: bool = True
) -> list[LabelledCase]:
    """One bad row for each good row, by a rule that fits it; with `all_kinds`, one by every rule that fits. A row that
    no rule fits gives none. If the rows are not in `english`, the rules of English words do not fit. To a case on the
    aspect of a recipe's own judge only the rules fit that its judge names.

    Deterministic. Each bad row is marked `made: rule`, and its reason names the kind (`kind_of`).
    """
    negatives = []
    for number, case in enumerate(good):
        after = good[number + 1 : number + 1 + OTHER_CASES]
        other_cases = [*after, *good[: min(number, OTHER_CASES - len(after))]]
        judge = None if case.aspect in SHARED else recipe_judges().get(case.aspect)
        fitting = [
            _spoilt(case, kind, judge.aspect if judge else aspect, field, text)
            for kind, aspect, field, rule in (OF_TEXTS if judge else RULES)
            if (english or kind not in ENGLISH)
            and (judge is None or kind in judge.negatives)
            and (text := rule(case, other_cases))
            and text != getattr(case, field, None)
        ]
        negatives += fitting if all_kinds or not fitting else [fitting[_pick(case, len(fitting))]]
    return negatives


def kind_of(case: LabelledCase) -> str:
    """The kind of rule that made a row bad, from its reason; '' for a person's row."""
    return case.reason.removeprefix(MADE) or "unnamed" if case.made == "rule" else ""


def _of(case: LabelledCase, texts: Sequence[str]) -> str | None:
    """One of the texts that cannot be right: it has few of the words that the right answer adds to its question, it has
    words that the answer lacks, and it is not the sentence that most likely bears the answer."""
    answer, question, bears = stems(case.answer), stems(case.question or ""), bearing(case, 0.0)
    added = answer - question or answer
    most = ALIKE * max(len(added), 1)
    wrong = [
        text
        for text in texts
        if text != bears and (own := stems(text)) and not own <= answer and len(own & added) < most
    ]
    return wrong[_pick(case, len(wrong))] if wrong else None


def _first_half(text: str, least: int) -> str | None:
    """The first half of a text of at least so many words."""
    pieces = text.split()
    if any(map(is_letter, words(text))):
        return text[: len(text) // 2] if blank_words(text) >= least else None
    return " ".join(pieces[: len(pieces) // 2]).rstrip(".,;:") if len(pieces) >= least else None


def _small(text: str) -> str:
    """The text with a small first letter, unless it begins with an acronym or an I."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text if first[1:2].isupper() or first == "I" else text[:1].lower() + text[1:]


def _spoilt(case: LabelledCase, kind: str, aspect: str, field: str, text: str | tuple[str, str]) -> LabelledCase:
    update = {"label": 0.0, "aspect": aspect, "made": "rule", "reason": f"{MADE}{kind}", "scores": {}}
    spoilt = {field: text} if isinstance(text, str) else dict(zip(("question", "answer"), text, strict=True))
    return case.model_copy(update={**update, **spoilt, "id": f"rule-{digest(case.id, kind, text)}"})


def _pick(case: LabelledCase, n: int) -> int:
    return int(digest(case.question, case.answer), 16) % n


def _next(number: str) -> str:
    """Another number with the same number of digits."""
    last = (int(number[-1]) + 1) % 10
    return f"{number[:-1]}{last}"
