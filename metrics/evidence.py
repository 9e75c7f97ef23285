"""Evidence that needs no judge: how far a row's words, numbers and meaning are borne out by its document.

Each scorer takes a Row and gives a Finding in [0, 1], higher is better, or None where it does not apply. Those kept
here each add something over the trivial rules on one labelled set at least (docs/benchmarks.md, `judge`).
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from metrics.answering import adds, answer_type, place, together, whole
from metrics.likelihood import LIKELIHOODS
from metrics.row import Entail, Finding, Row, finding, share
from programs.core.candidate import Candidate
from programs.core.embedding import Embed, ahead
from programs.core.numerals import spelt_numbers
from programs.core.text import content_words, sentences, words
from programs.core.text import numbers as numbers_of
from signatures.qa.grounded_qa import DOES_NOT_SAY


class Named(Protocol):
    """An `Entail` that says which one it is."""

    @property
    def name(self) -> str: ...

    def __call__(self, document: str, statements: Sequence[str]) -> Sequence[float]: ...


_NO = re.compile(r"^no[,.;]", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:no|not|never|none|nor|neither|nothing|nobody|without|cannot|\w+n['’]t)\b", re.IGNORECASE)


def relevance(row: Row) -> Finding | None:
    """Question-document relevance: the mean of the question's cosine with the document and with its best window."""
    if not row.question:
        return None
    score = (likeness(row.embed, row.question, row.document) + float(row.asked_near.max())) / 2
    return finding(score, "the question is hardly about this document")


def word_share(row: Row) -> Finding | None:
    """Lexical support: the share of the answer's content words that the document holds."""
    missing = [word for word in dict.fromkeys(content_words(row.answer)) if word not in row.words]
    named = ", ".join(f"{word!r}" for word in missing[:3])
    return Finding(
        word_support(row.answer, row.document, english=row.english),
        f"the document does not have {named}" if missing else "",
    )


def numbers(row: Row) -> Finding | None:
    """The share of the answer's numbers that the document holds; None for an answer without any."""
    said = numbers_of(row.answer)
    if not said:
        return None
    missing = missing_numbers(row.answer, row.document)
    return Finding(1 - len(missing) / len(said), wrong_number(missing[0], row.document) if missing else "")


def verbatim(row: Row) -> Finding | None:
    """The share of the answer's words that the document holds in the same order (LCS recall; Lin 2004, section 3.1)."""
    said = words(row.answer)
    score = LCSseq.similarity(said, words(row.document)) / len(said) if said else 0.0
    return finding(score, "the document has the answer's words in another order, or not at all")


def located(row: Row) -> Finding | None:
    """The share of what the answer adds to the question that stands in the window the question points to."""
    known = set(content_words(row.question))
    added = [word for word in content_words(row.answer) if word not in known]
    if not row.question or not added:
        return None
    window = row.windows[int(row.asked_near.argmax())]
    there = set(content_words(window))
    said = f"the document speaks of what is asked here, without the answer's words: {window[:120]!r}"
    return finding(sum(word in there for word in added) / len(added), said)


def gain(row: Row) -> Finding | None:
    """Sentence-level support: how much nearer the answer brings the question to its best window; 0.5 is no nearer."""
    if not row.question:
        return None
    nearer = float(row.near(f"{row.question} {row.answer}").max() - row.asked_near.max())
    return finding(0.5 + nearer / 2, "no sentence of the document is nearer to question and answer together")


def topic(row: Row) -> Finding | None:
    """Cosine of the answer with the whole document."""
    return finding(likeness(row.embed, row.answer, row.document), "the answer is about something else")


def denial(row: Row) -> Finding | None:
    """0 where a sentence of the answer denies more often than the one it is nearest to, else 1. A no that begins an
    answer denies what is asked and not what the document states. None where the row is not in English."""
    if not row.english:
        return None
    for sentence in sentences(row.answer):
        nearest = row.sentences[int(row.near(sentence)[: len(row.sentences)].argmax())]
        if len(_DENIES.findall(_NO.sub("", sentence))) > len(_DENIES.findall(nearest)):
            return Finding(0.0, f"the answer denies; the document states: {nearest[:120]!r}")
    return Finding(1.0)


def entailment(row: Row) -> Finding | None:
    """How far a cross-encoder finds the least supported sentence of the answer borne out; None where none is set."""
    if row.entail is None:
        return None
    said = sentences(row.answer)
    scores = [float(score) for score in row.entail(row.document, said)]
    least = int(np.argmin(scores))
    return finding(scores[least], f"the document does not bear out: {said[least][:120]!r}")


ON_QUESTION: dict[str, Callable[[Row], Finding | None]] = {"relevance": relevance}
ON_ANSWER: dict[str, Callable[[Row], Finding | None]] = {
    "words": word_share,
    "numbers": numbers,
    "verbatim": verbatim,
    "located": located,
    "gain": gain,
    "topic": topic,
    "denial": denial,
    "answer type": answer_type,
    "together": together,
    "place": place,
    "adds": adds,
    "whole": whole,
    "entailment": entailment,
}

PARTS = frozenset({*ON_QUESTION, *ON_ANSWER, "round trip", *LIKELIHOODS})
"""The names of all evidence; any other part of a row is a judge's."""


async def evidence(
    candidate: Candidate, embed: Embed, entail: Entail | None = None, *, english: bool = True
) -> dict[str, Finding]:
    """All findings on what is filled so far; none for a row without a document, where a right answer (a label, a
    number) need not be like anything that was asked. Where rows are not in `english`, rules of its words give none.

    What is left once the texts are embedded takes some 0.3 ms, of Python: no thread would have it sooner.
    """
    if not candidate.document:
        return {}
    row = Row(candidate, await ahead(embed, Row(candidate, embed).texts()), entail, english=english)
    return await asyncio.to_thread(_found, row) if entail else _found(row)


def _found(row: Row) -> dict[str, Finding]:
    answers = bool(words(row.answer)) and row.answer != DOES_NOT_SAY
    scorers = ON_QUESTION | (ON_ANSWER if answers else {})
    found = {name: scorer(row) for name, scorer in scorers.items()}
    return {name: finding for name, finding in found.items() if finding}


def likeness(embed: Embed, text: str, other: str) -> float:
    """Cosine of two texts' embeddings, cut to [0, 1]."""
    one, two = embed([text, other])
    return share(float(one @ two))


def word_support(answer: str, document: str, *, english: bool = True) -> float:
    """The share of the answer's content words that stand in the document, in [0, 1]; 1 for an answer without any.

    Where it is not in `english`, a word counts by its letters: which ones only grammar needs is not known, but these
    are short.
    """
    said, there = content_words(answer), set(content_words(document))
    worth = [1 if english else len(word) for word in said]
    held = sum(count for word, count in zip(said, worth, strict=True) if word in there)
    return held / sum(worth) if said else 1.0


def missing_numbers(answer: str, document: str) -> list[str]:
    """The numbers of the answer that the document does not hold: a strong sign of invention."""
    there = {*numbers_of(document), *spelt_numbers(document)}
    return [number for number in numbers_of(answer) if number not in there]


def wrong_number(said: str, document: str) -> str:
    """What to tell a person of a number the document does not hold, with the one it may have been meant for."""
    near = process.extractOne(said, sorted(set(numbers_of(document))), score_cutoff=50)
    return f"the answer says {said}; the document {f'says {near[0]}' if near else 'does not'}"
