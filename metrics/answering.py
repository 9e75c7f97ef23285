"""Evidence on whether an answer is an answer to this question: of the kind asked for, from the place asked about, and
adding to what the question says. Scorers as in `evidence`: each takes a Row and gives a Finding, or None where it does
not apply."""

import math
import re
from collections.abc import Callable

from metrics.row import Finding, Row, finding
from programs.core.text import ENDS, NUMBER, STOP_WORDS, content_words, length, names, stems, words

ADDED = 1 / 3  # of an answer's words: an answer that is a whole sentence repeats many words of the question
_COUNT = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|half|none|all|"
    r"both|once|twice|every|each|daily|weekly|yearly|single)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d|\b(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|morning|noon|evening|night|midnight|spring|summer|autumn|winter|day|"
    r"week|month|year|century|when|whenever|before|after|until|once|during|if|as soon|while)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"(?:yes|no)\b", re.IGNORECASE)
_SPAN = re.compile(
    r"\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|centur\w+|decades?|k?m|km|miles?|metres?|meters?|feet|"
    r"foot|inch\w*|kilomet\w+|centimet\w+|every|each|once|twice|times|daily|weekly|yearly|until|till|forever)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|on|at|near|off|by|under|over|behind|inside|outside|above|below|between|from|to|of)\b", re.I
)
_REASON = re.compile(r"\b(?:because|since|so|as|to|due|for|thus|therefore|cause[sd]?|reason|otherwise|would)\b", re.I)
_ASKED: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a length or a time", re.compile(r"\bhow (?:long|far|often|high|tall|deep|wide|old)\b", re.IGNORECASE)),
    ("a number", re.compile(r"\bhow (?:many|much|big|fast|warm|cold|heavy)\b", re.IGNORECASE)),
    ("a time", re.compile(r"\b(?:when|(?:what|which) (?:year|date|day|month|time|century))\b", re.IGNORECASE)),
    ("a person", re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE)),
    ("a place", re.compile(r"\bwhere\b", re.IGNORECASE)),
    ("a reason", re.compile(r"\bwhy\b", re.IGNORECASE)),
    ("a thing", re.compile(r"\b(?:what|which|how)\b", re.IGNORECASE)),
)


def asked_for(question: str) -> str:
    """The kind of answer that a question asks for: a number, a time, a person, a place ...; else yes or no."""
    return next((kind for kind, pattern in _ASKED if pattern.search(question)), "yes or no")


def answer_type(row: Row) -> Finding | None:
    """Whether the answer is of the kind asked for: 1 if it is, 0.5 if it may be, 0 if it cannot be. None where any
    answer may be, or where the row is not in English."""
    if not row.question or not row.english:
        return None
    kind = asked_for(row.question)
    score = _FITS[kind](row.answer)
    return None if score is None else Finding(score, f"the question asks for {kind}" if score < 0.5 else "")


def _bare(answer: str) -> bool:
    """Whether an answer is nothing but numbers, yes or no."""
    return not content_words(NUMBER.sub(" ", answer))


_FITS: dict[str, Callable[[str], float | None]] = {
    "a number": lambda answer: float(bool(NUMBER.search(answer) or _COUNT.search(answer))),
    "a length or a time": lambda answer: 1.0 if _SPAN.search(answer) else 0.5 if NUMBER.search(answer) else 0.0,
    "a time": lambda answer: float(bool(_TIME.search(answer))),
    "a person": lambda answer: 0.0 if _bare(answer) else 1.0 if names(f"the {answer}") else 0.5,
    "a place": lambda answer: 0.0 if _bare(answer) else 1.0 if _PLACE.search(answer) else 0.5,
    "a reason": lambda answer: 0.0 if len(content_words(answer)) < 3 else 1.0 if _REASON.search(answer) else 0.5,
    "a thing": lambda answer: 0.0 if _YES_NO.fullmatch(answer.strip(" .")) else None,
    "yes or no": lambda answer: 1.0 if _YES_NO.match(answer) else None if len(words(answer)) > 4 else 0.0,
}


def together(row: Row) -> Finding | None:
    """How well one sentence bears both question and answer, for the best sentence: its share of the words that the
    answer adds, times its weight of question words relative to the sentence with the greatest. A word weighs more if
    fewer sentences of the document have it."""
    question, added = stems(row.question), stems(row.answer) - stems(row.question)
    if not row.question or not added:
        return None
    pieces = [stems(sentence) for sentence in row.sentences]
    weights = {
        word: math.log(1 + len(pieces) / n) for word in question if (n := sum(word in piece for piece in pieces))
    }
    sums = [sum(weights[word] for word in weights.keys() & piece) for piece in pieces]
    most = max(sums) or 1.0
    score = max(len(added & piece) / len(added) * total / most for piece, total in zip(pieces, sums, strict=True))
    return finding(score, "no sentence of the document has both what is asked and what is answered")


def place(row: Row) -> Finding | None:
    """The question's cosine with the window nearest to the answer, as a share of its greatest cosine with a window."""
    if not row.question:
        return None
    near = float(row.asked_near[int(row.near(row.answer).argmax())])
    return finding(
        near / max(float(row.asked_near.max()), 1e-6), "the answer is from another place than is asked about"
    )


def adds(row: Row) -> Finding | None:
    """Whether the answer adds to its question: 1 if the question lacks a third or more of the answer's content words, 0
    if it has all of them."""
    answer = stems(row.answer)
    if not row.question or not answer:
        return None
    return finding(len(answer - stems(row.question)) / len(answer) / ADDED, "the question holds its answer already")


def whole(row: Row) -> Finding | None:
    """0 where an answer breaks off: it ends in a stop word, or has many words and no final mark, or is the beginning of
    a sentence of the document. Else 1. None without a question, since other texts may end in any way."""
    if not row.question:
        return None
    answer = words(row.answer)
    if row.answer.rstrip()[-1:] in ENDS or not answer:
        return Finding(1.0)
    copied = any(words(sentence)[: len(answer)] == answer for sentence in row.sentences) and length(answer) > 3
    hangs = row.english and answer[-1] in STOP_WORDS - {"yes", "no", "more", "most"}
    broken = copied or hangs or length(answer) > 12
    return Finding(0.0, "the answer breaks off") if broken else Finding(1.0)
