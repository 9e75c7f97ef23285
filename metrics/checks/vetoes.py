"""Deterministic vetoes: faults for which no score can make up. Each takes a candidate, the cheapest come first."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence

from rapidfuzz.distance import Indel

from metrics.checks.manner import ENGLISH, Manner, question_marks
from metrics.checks.refusals import refusal
from metrics.evidence import missing_numbers, wrong_number
from programs.core.candidate import Candidate, Drop
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
from signatures.qa.grounded_qa import DOES_NOT_SAY

LIKE_A_SEED = 0.7  # ROUGE-L, the bar of Self-Instruct (Wang et al. 2022, section 2.2)
ALIKE = 0.85  # ROUGE-L from which a question is a sentence
COPIED = 0.9  # the share of a question that may be one run of the document's words

_LEAK = re.compile(
    r"\{\w+\}|\[\[ ?##|<\|?/?\w+\|?>|\bas an ai\b|\blanguage model\b|"
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
    """Template words, field marks or a model talking about itself; not where the document has the same words."""
    document = (candidate.document or "").lower()
    for text in (candidate.prompt, candidate.response):
        if (found := _LEAK.search(text)) and found[0].lower() not in document:
            return _drop("template leak", f"it says {found[0]!r}")
    return None


def word_list(candidate: Candidate) -> Drop | None:
    """Words strung together, with hardly one among them that only grammar needs: a sentence has about four in ten,
    and of 1,313 questions of SQuAD (Rajpurkar et al. 2018) with eight words or more 99% have two at least."""
    for text, fewest in ((candidate.prompt, 8), (candidate.response, 16)):
        said = words(text)
        grammar = len(said) - len(content_words(text))
        if len(said) >= fewest and grammar < max(2, 0.1 * len(said)):
            return _drop("word list", f"these are words, not a sentence: {text[:80]!r}")
    return None


def loop(candidate: Candidate) -> Drop | None:
    """A text that repeats itself: a run of four words (in a script without blanks, of eight letters) that comes three
    times, or one word for half of a text."""
    for text in (candidate.prompt, candidate.response):
        said = words(text)
        run = 8 if any(map(is_letter, said)) else 4
        runs = Counter(zip(*(said[i:] for i in range(run)), strict=False))
        if length(said) >= 12 and (max(runs.values()) >= 3 or Counter(said).most_common(1)[0][1] > len(said) / 2):
            return _drop("repetition", f"it goes round in circles: {text[:80]!r}")
    return None


def ill_formed_question(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A question is as long as those of the seeds, starts and ends as they do, is one, and names its subject."""
    question, size = candidate.prompt, length(words(candidate.prompt))
    if not _is_one(question, manner) or (manner.english and not _opens(question, manner)):
        return _drop("not a question", f"{question[:80]!r} is not one question")
    if not manner.shortest <= size <= manner.longest:
        return _drop("not a question", f"{size} words; a question has {manner.shortest} to {manner.longest}")
    if manner.english and (found := _HOLLOW.search(question)):
        return _drop("hollow question", f"it asks about {found[0]!r} instead of a thing")
    return None


def _is_one(question: str, manner: Manner) -> bool:
    """Whether a text has the marks of one question of the seeds."""
    closed = not manner.closes or plain(question)[-1:] in manner.closes
    single = question_marks(question) <= manner.marks and (manner.lines or "\n" not in question)
    return closed and single and manner.opens in question


def _opens(question: str, manner: Manner) -> bool:
    return bool(_OPENERS.match(question)) or words(question)[:1] in [[opener] for opener in manner.openers]


def another_language(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A text in another script than the seeds and the document have, or in English where the seeds are not. Without a
    document it is what is asked that counts, up to a blank line: an input or an output may be in any language."""
    document = candidate.document
    texts = [candidate.topic.split("\n\n")[0]] if document is None else [candidate.prompt, candidate.response]
    if foreign := [text for text in texts if manner.is_foreign(text, beside=document or "")]:
        return _drop("another language", f"the seeds are in another one than {foreign[0][:80]!r}")
    return None


def copied_question(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """A sentence of the document with a question mark, or one with a few words before it ("Is it true that ...").

    In English it is enough to be much alike; in Chinese or Hindi what is asked for stands where the answer stood.
    """
    question = candidate.prompt
    asked = words(question)
    for piece in sentences(candidate.document or ""):
        told = words(piece)
        if not _overlap(asked, told):
            continue
        whole = len(told) >= 6 and copied_share(piece, question) >= COPIED
        alike = manner.english and rouge_l(question, piece) >= ALIKE
        if whole or alike or copied_share(question, piece) >= COPIED:
            return _drop("copied sentence", f"the question is a sentence of the document: {piece[:80]!r}")
    return None


def _overlap(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether so many words are in both that one text may be copied from the other: what every such pair has, at a
    twentieth of the time it takes to look at their order. A ROUGE-L of r takes r / (2 - r) of either's words."""
    least = min(COPIED, ALIKE / (2 - ALIKE))
    one, other = set(ours), set(theirs)
    return any(
        sum(word in there for word in said) >= least * len(said) for said, there in ((ours, other), (theirs, one))
    )


def bad_answer(candidate: Candidate) -> Drop | None:
    """An answer that is the question again, that only names what is asked, or that breaks off."""
    question, answer = candidate.prompt, candidate.response
    said = words(answer)
    if not said or answer[-1:] in QUESTION_MARKS:
        return _drop("no answer", f"{answer[:80]!r} is not an answer")
    if set(said) <= set(words(question)):
        return _drop("answer in question", "every word of the answer stands in the question")
    if length(said) > 12 and answer[-1] not in ENDS:
        return _drop("cut off", f"it ends in {answer[-20:]!r}")
    return None


def ungrounded_number(candidate: Candidate) -> Drop | None:
    """A number that the document does not hold."""
    if candidate.document and (missing := missing_numbers(candidate.response, candidate.document)):
        return _drop("wrong number", wrong_number(missing[0], candidate.document))
    return None


def pasted_answer(candidate: Candidate) -> Drop | None:
    """An answer that is the passage, or most of it."""
    document = candidate.document or ""
    said = words(candidate.response)
    if length(said) > 30 and len(said) > 0.5 * len(words(document)):
        return _drop("pasted passage", "the answer is most of the document")
    return None


def obeyed(candidate: Candidate) -> Drop | None:
    """An answer all of whose words of meaning the document has only where it tells its reader to ignore instructions,
    or right after. An honest answer that quotes such a sentence is out too."""
    said = set(content_words(candidate.response))
    apart = set(content_words(_INJECTED.sub(" ", candidate.document or "")))
    if said and not said & apart and (found := _INJECTED.search(candidate.document or "")):
        return _drop("obeyed the document", f"the document says {found[0][:80]!r}")
    return None


Rule = Callable[[Candidate], Drop | None]


def on_prompt(manner: Manner) -> tuple[Rule, ...]:
    """What a question on a document is held to."""
    shape, copied = (functools.partial(rule, manner=manner) for rule in (ill_formed_question, copied_question))
    return (leak, loop, _in(manner), shape, *_of_english(manner), copied)


def on_response(manner: Manner) -> tuple[Rule, ...]:
    """What an answer from a document is held to."""
    return (leak, loop, *_of_english(manner), _in(manner), bad_answer, obeyed, ungrounded_number, pasted_answer)


def on_free_text(manner: Manner) -> tuple[Rule, ...]:
    """What a row without a document is held to."""
    return (leak, loop, _in(manner))


def _of_english(manner: Manner) -> tuple[Rule, ...]:
    return (word_list,) if manner.english else ()


def _in(manner: Manner) -> Rule:
    return functools.partial(another_language, manner=manner)


def veto(candidate: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """The first fault of what is filled so far, or None.

    A candidate on a document is held to the rules of grounded questions and answers; one without to those of
    any text. An answer that says that the document does not say is not held to the document's words.
    """
    if drop := refusal(candidate):
        return drop
    grounded = candidate.document is not None
    rules = on_prompt(manner) if grounded and candidate.prompt else ()
    if candidate.response and candidate.response != DOES_NOT_SAY:
        rules = (*rules, *(on_response if grounded else on_free_text)(manner))
    return next((drop for rule in rules if (drop := rule(candidate))), None)


def like_a_seed(candidate: Candidate, shown: list[str]) -> Drop | None:
    """A prompt that repeats a seed (ROUGE-L at or above 0.7)."""
    said = _words(candidate.topic)
    for prompt in shown:
        if said and Indel.normalized_similarity(said, _words(prompt)) >= LIKE_A_SEED:
            return _drop("copied seed", f"it repeats the seed {prompt[:80]!r}")
    return None


@functools.lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    """A seed's words are the same for every row: to find them anew took most of the time of all vetoes."""
    return tuple(words(text))


def _drop(reason: str, detail: str) -> Drop:
    return Drop(step="veto", reason=reason, detail=detail)
