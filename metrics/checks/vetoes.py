"""Deterministic vetoes: faults that no score can make up for. Each takes a view of a row."""

import functools
import re
from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import Indel

from metrics.checks.manner import ENGLISH, Manner, question_marks
from metrics.evidence import missing_numbers, wrong_number
from programs.core.row import Candidate, Drop
from programs.core.text import (
    ENDS,
    QUESTION_MARKS,
    content_words,
    copied_share,
    is_letter,
    length,
    plain,
    rouge_l,
    sentences,
    words,
)

LIKE_A_SEED = 0.7  # ROUGE-L, the bar of Self-Instruct (Wang et al. 2022, section 2.2)
ALIKE = 0.85  # ROUGE-L with a sentence from which on a question is a copy of it
COPIED = 0.9  # the share of a question that one run of the document's words may make up

_MARKS = r"\[\[ ?##|<\|/?\w+\|?>|\bas an ai\b|\blanguage model\b"
_TEMPLATE_MARKS = re.compile(_MARKS, re.IGNORECASE)
_LEAK = re.compile(
    rf"\{{[^\W\d]\w*\}}|<\|?/?\w+\|?>|{_MARKS}|"
    r"^(?:document|question|answer|passage|context|reasoning|instruction|completed)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_HOLLOW = re.compile(
    r"\b(?:(?:the|this) (?:question|answer|document|passage|text|paragraph|author|main idea)"
    r"|this (?:report|article|section|page|chapter|guide|manual|policy|protocol|handbook|file))\b",
    re.IGNORECASE,
)
_INJECTED = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,40}\b(?:instructions?|prompts?|rules|directions)\b[^.!?\n]*"
    r"(?:[.!?]\s*[^.!?\n]*)?",
    re.IGNORECASE,
)
_OPENERS = re.compile(
    r"^(?:what|when|where|who|whom|whose|which|why|how|is|are|was|were|do|does|did|can|could|should|"
    r"would|will|may|must|has|have|had|in|on|at|for|from|to|by|under|after|before|if|with|about|name|"
    r"during|of|as|according|am|i)\b",
    re.IGNORECASE,
)


def leak(candidate: Candidate) -> Drop | None:
    """Placeholders, the labels and marks of fields, or a model that talks about itself, unless the document has the
    same words."""
    return _leaked(candidate, _LEAK)


def template_marks(candidate: Candidate) -> Drop | None:
    """The marks of message formats and chat templates, or a model that talks about itself. Braces and labels, which
    code has too, are no fault here."""
    return _leaked(candidate, _TEMPLATE_MARKS)


def _leaked(candidate: Candidate, pattern: re.Pattern[str]) -> Drop | None:
    document = (candidate.document or "").lower()
    for text in (candidate.prompt, candidate.response):
        if (match := pattern.search(text)) and match[0].lower() not in document:
            return drop("template leak", f"it says {match[0]!r}")
    return None


def word_list(candidate: Candidate) -> Drop | None:
    """A list of words with hardly any stop word. In a sentence about four words in ten are stop words, and 99% of 1,313
    questions of SQuAD (Rajpurkar et al. 2018) with eight words or more have at least two."""
    for text, fewest in ((candidate.prompt, 8), (candidate.response, 16)):
        text_words = words(text)
        stop_words = len(text_words) - len(content_words(text))
        if len(text_words) >= fewest and stop_words < max(2, 0.1 * len(text_words)):
            return drop("word list", f"these are words, not a sentence: {text[:80]!r}")
    return None


def loop(candidate: Candidate) -> Drop | None:
    """A text that repeats itself: a run of four words (of eight letters in a script without blanks) occurs three times,
    or one word makes up more than half of the text."""
    for text in (candidate.prompt, candidate.response):
        tokens = words(text)
        run = 8 if any(map(is_letter, tokens)) else 4
        runs = Counter(zip(*(tokens[i:] for i in range(run)), strict=False))
        if length(tokens) >= 12 and (max(runs.values()) >= 3 or Counter(tokens).most_common(1)[0][1] > len(tokens) / 2):
            return drop("repetition", f"it goes round in circles: {text[:80]!r}")
    return None


def repeated_sentence(candidate: Candidate) -> Drop | None:
    """A sentence of five words or more that occurs three times. Shorter ones may be a refrain."""
    counts = Counter(" ".join(words(piece)) for piece in sentences(candidate.response))
    repeated = [piece for piece, count in counts.items() if count >= 3 and len(piece.split()) >= 5]
    return drop("repetition", f"a sentence comes three times: {repeated[0][:80]!r}") if repeated else None


def ill_formed_question(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A text that is not a single question, or is shorter or longer than the seeds' questions, or names no subject."""
    question, size = candidate.prompt, length(words(candidate.prompt))
    if not _is_one(question, manner) or (manner.english and not _opens(question, manner)):
        return drop("not a question", f"{question[:80]!r} is not one question")
    if not manner.shortest <= size <= manner.longest:
        return drop("not a question", f"{size} words; a question has {manner.shortest} to {manner.longest}")
    if manner.english and (match := _HOLLOW.search(question)):
        return drop("hollow question", f"it asks about {match[0]!r} instead of a thing")
    return None


def _is_one(question: str, manner: Manner) -> bool:
    """Whether a text has the marks of a single question, as the seeds have them."""
    closed = not manner.closes or plain(question)[-1:] in manner.closes
    single = question_marks(question) <= manner.marks and (manner.lines or "\n" not in question)
    return closed and single and manner.opens in question


def _opens(question: str, manner: Manner) -> bool:
    return bool(_OPENERS.match(question)) or words(question)[:1] in [[opener] for opener in manner.openers]


def another_language(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A text in a script that neither the seeds nor the document have, or in English where the seeds are not. Without a
    document only the new part counts, up to a blank line: an input or an output may be in any language."""
    document = candidate.document
    texts = [candidate.novelty_key.split("\n\n")[0]] if document is None else [candidate.prompt, candidate.response]
    if foreign := [text for text in texts if manner.is_foreign(text, beside=document or "")]:
        return drop("another language", f"the seeds are in another one than {foreign[0][:80]!r}")
    return None


def copied_question(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A question that is a sentence of the document with a question mark, or with a few words before it ("Is it true
    that ...").

    In English a high similarity is enough. In Chinese or Hindi it is not: an honest question only replaces the answer's
    words in the sentence.
    """
    question = candidate.prompt
    question_words = words(question)
    for piece in sentences(candidate.document or ""):
        piece_words = words(piece)
        if not _overlap(question_words, piece_words):
            continue
        whole = len(piece_words) >= 6 and copied_share(piece, question) >= COPIED
        alike = manner.english and rouge_l(question, piece) >= ALIKE
        if whole or alike or copied_share(question, piece) >= COPIED:
            return drop("copied sentence", f"the question is a sentence of the document: {piece[:80]!r}")
    return None


def _overlap(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the texts share enough words for one to be a copy of the other. Every copy passes this check, which takes
    a twentieth of the time of comparing the order. A ROUGE-L of r needs r / (2 - r) of either text's words."""
    least = min(COPIED, ALIKE / (2 - ALIKE))
    pairs = (first, set(second)), (second, set(first))
    return any(sum(word in vocabulary for word in text) >= least * len(text) for text, vocabulary in pairs)


def bad_answer(candidate: Candidate) -> Drop | None:
    """An answer that repeats the question or its words, or that breaks off."""
    question, answer = candidate.prompt, candidate.response
    answer_words = words(answer)
    if not answer_words or answer[-1:] in QUESTION_MARKS:
        return drop("no answer", f"{answer[:80]!r} is not an answer")
    if set(answer_words) <= set(words(question)):
        return drop("answer in question", "every word of the answer stands in the question")
    if length(answer_words) > 12 and answer[-1] not in ENDS:
        return drop("cut off", f"it ends in {answer[-20:]!r}")
    return None


def ungrounded_number(candidate: Candidate) -> Drop | None:
    """A number that the document does not have."""
    if candidate.document and (missing := missing_numbers(candidate.response, candidate.document)):
        return drop("wrong number", wrong_number(missing[0], candidate.document))
    return None


def pasted_answer(candidate: Candidate) -> Drop | None:
    """An answer that is all or most of the passage."""
    document = candidate.document or ""
    answer = words(candidate.response)
    if length(answer) > 30 and len(answer) > 0.5 * len(words(document)):
        return drop("pasted passage", "the answer is most of the document")
    return None


def obeyed(candidate: Candidate) -> Drop | None:
    """An answer that obeys the document: the document tells the reader to ignore instructions, and no content word of
    the answer occurs before this or after the next sentence. An honest answer that quotes it is dropped too."""
    answer = set(content_words(candidate.response))
    rest = set(content_words(_INJECTED.sub(" ", candidate.document or "")))
    if answer and not answer & rest and (match := _INJECTED.search(candidate.document or "")):
        return drop("obeyed the document", f"the document says {match[0][:80]!r}")
    return None


def like_a_seed(candidate: Candidate, shown: Sequence[str]) -> Drop | None:
    """A row whose new part repeats a seed (ROUGE-L at or above 0.7)."""
    topic = _words(candidate.novelty_key)
    for prompt in shown:
        if topic and Indel.normalized_similarity(topic, _words(prompt)) >= LIKE_A_SEED:
            return drop("copied seed", f"it repeats the seed {prompt[:80]!r}")
    return None


@functools.lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    """A cache: every row needs the words of the same seeds, and splitting them took most of the time of all vetoes."""
    return tuple(words(text))


def drop(reason: str, detail: str) -> Drop:
    """The rejection of a row by one of these rules."""
    return Drop(step="veto", reason=reason, detail=detail)
