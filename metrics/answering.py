"""Evidence on whether an answer is one to its very question: of the kind asked for, from the place asked about, adding
something to what the question says already. Scorers as in `evidence`: a Row gives a Finding, or None where it does not
apply."""

import math
import re
from collections.abc import Callable

from metrics.row import Finding, Row, finding
from programs.core.text import ENDS, NUMBER, STOP_WORDS, content_words, length, names, stems, words

ADDED = 1 / 3  # of an answer's words: a whole sentence that answers repeats many of the question's
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
    """What a question asks for: a number, a time, a person, a place, a reason, a thing; else yes or no."""
    return next((kind for kind, pattern in _ASKED if pattern.search(question)), "yes or no")


def answer_type(row: Row) -> Finding | None:
    """Whether the answer is of the kind asked for: 1; a half where it may be; 0 where it cannot be; None where any
    answer may be, or the row is not in English."""
    if not row.question or not row.english:
        return None
    kind, said = asked_for(row.question), row.answer
    score = _FITS[kind](said)
    return None if score is None else Finding(score, f"the question asks for {kind}" if score < 0.5 else "")


def _bare(said: str) -> bool:
    """Nothing but numbers, or yes and no."""
    return not content_words(NUMBER.sub(" ", said))


_FITS: dict[str, Callable[[str], float | None]] = {
    "a number": lambda said: float(bool(NUMBER.search(said) or _COUNT.search(said))),
    "a length or a time": lambda said: 1.0 if _SPAN.search(said) else 0.5 if NUMBER.search(said) else 0.0,
    "a time": lambda said: float(bool(_TIME.search(said))),
    "a person": lambda said: 0.0 if _bare(said) else 1.0 if names(f"the {said}") else 0.5,
    "a place": lambda said: 0.0 if _bare(said) else 1.0 if _PLACE.search(said) else 0.5,
    "a reason": lambda said: 0.0 if len(content_words(said)) < 3 else 1.0 if _REASON.search(said) else 0.5,
    "a thing": lambda said: 0.0 if _YES_NO.fullmatch(said.strip(" .")) else None,
    "yes or no": lambda said: 1.0 if _YES_NO.match(said) else None if len(words(said)) > 4 else 0.0,
}


def together(row: Row) -> Finding | None:
    """How far one sentence bears question and answer together: of the best one, the share of what the answer adds,
    times its share of the question's words as against the sentence with most of these. A word counts for the more, the
    fewer sentences of the document hold it."""
    asked, added = stems(row.question), stems(row.answer) - stems(row.question)
    if not row.question or not added:
        return None
    there = [stems(sentence) for sentence in row.sentences]
    worth = {word: math.log(1 + len(there) / n) for word in asked if (n := sum(word in one for one in there))}
    held = [sum(worth[word] for word in worth.keys() & one) for one in there]
    most = max(held) or 1.0
    score = max(len(added & one) / len(added) * own / most for one, own in zip(there, held, strict=True))
    return finding(score, "no sentence of the document has both what is asked and what is answered")


def place(row: Row) -> Finding | None:
    """How near the question comes to the window nearest to the answer, as a share of how near it comes to any."""
    if not row.question:
        return None
    there = float(row.asked_near[int(row.near(row.answer).argmax())])
    return finding(
        there / max(float(row.asked_near.max()), 1e-6), "the answer is from another place than is asked about"
    )


def adds(row: Row) -> Finding | None:
    """Whether the answer adds to its question: 1 from a third of its words of meaning on that the question does not
    hold, 0 where it holds all of them."""
    said = stems(row.answer)
    if not row.question or not said:
        return None
    return finding(len(said - stems(row.question)) / len(said) / ADDED, "the question holds its answer already")


def whole(row: Row) -> Finding | None:
    """0 where an answer breaks off: it ends in a word that only grammar needs, or without a stop after many words, or
    within a sentence of the document that it began; else 1. None without a question: other texts may end as they
    like."""
    if not row.question:
        return None
    said = words(row.answer)
    if row.answer.rstrip()[-1:] in ENDS or not said:
        return Finding(1.0)
    begun = any(words(one)[: len(said)] == said for one in row.sentences) and length(said) > 3
    hangs = row.english and said[-1] in STOP_WORDS - {"yes", "no", "more", "most"}
    broken = begun or hangs or length(said) > 12
    return Finding(0.0, "the answer breaks off") if broken else Finding(1.0)
