"""Evidence without a judge: how well the document supports the words, numbers and meaning of a row.

Each scorer takes a Row and returns a Finding in [0, 1], higher is better, or None if it does not apply. Each one here
improves on the trivial rules on at least one labelled set (docs/benchmarks.md, `judge`).
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
from programs.core.embedding import Embed, ahead
from programs.core.numerals import spelt_numbers
from programs.core.row import Candidate
from programs.core.text import content_words, sentences, words
from programs.core.text import numbers as numbers_of


class NamedEntail(Protocol):
    """An `Entail` with a name."""

    @property
    def name(self) -> str: ...

    def __call__(self, document: str, statements: Sequence[str]) -> Sequence[float]: ...


_NO = re.compile(r"^no[,.;]", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:no|not|never|none|nor|neither|nothing|nobody|without|cannot|\w+n['’]t)\b", re.IGNORECASE)


def relevance(row: Row) -> Finding | None:
    """Question-document relevance: the mean of the request's cosine with the document and with its best window."""
    if not row.question:
        return None
    score = (likeness(row.embed, row.request, row.document) + float(row.near(row.request).max())) / 2
    return finding(score, "the question is hardly about this document")


def word_share(row: Row) -> Finding | None:
    """Lexical support: the share of the answer's content words that are in the document."""
    missing = [word for word in dict.fromkeys(content_words(row.answer)) if word not in row.words]
    examples = ", ".join(f"{word!r}" for word in missing[:3])
    return Finding(
        word_support(row.answer, row.document, english=row.english),
        f"the document does not have {examples}" if missing else "",
    )


def numbers(row: Row) -> Finding | None:
    """The share of the answer's numbers that are in the document; None for an answer without numbers."""
    answer_numbers = numbers_of(row.answer)
    if not answer_numbers:
        return None
    missing = missing_numbers(row.answer, row.document)
    return Finding(1 - len(missing) / len(answer_numbers), wrong_number(missing[0], row.document) if missing else "")


def verbatim(row: Row) -> Finding | None:
    """The share of the answer's words that are in the document in the same order (LCS recall; Lin 2004, section
    3.1)."""
    answer_words = words(row.answer)
    score = LCSseq.similarity(answer_words, words(row.document)) / len(answer_words) if answer_words else 0.0
    return finding(score, "the document has the answer's words in another order, or not at all")


def located(row: Row) -> Finding | None:
    """Of the words that the answer adds to the question, the share in the document window nearest to the question."""
    question_words = set(content_words(row.question))
    added = [word for word in content_words(row.answer) if word not in question_words]
    if not row.question or not added:
        return None
    window = row.windows[int(row.asked_near.argmax())]
    window_words = set(content_words(window))
    reason = f"the document speaks of what is asked here, without the answer's words: {window[:120]!r}"
    return finding(sum(word in window_words for word in added) / len(added), reason)


def gain(row: Row) -> Finding | None:
    """Sentence-level support: how much nearer to its best window the question is with the answer; 0.5 is no nearer."""
    if not row.question:
        return None
    nearer = float(row.near(f"{row.question} {row.answer}").max() - row.asked_near.max())
    return finding(0.5 + nearer / 2, "no sentence of the document is nearer to question and answer together")


def topic(row: Row) -> Finding | None:
    """Cosine of the answer with the whole document."""
    return finding(likeness(row.embed, row.answer, row.document), "the answer is about something else")


def denial(row: Row) -> Finding | None:
    """0 if a sentence of the answer has more negations than the nearest one of the document, else 1. A "no" at the
    start is not counted: it denies the question, not the document. None if the row is not in English."""
    if not row.english:
        return None
    for sentence in sentences(row.answer):
        nearest = row.sentences[int(row.near(sentence)[: len(row.sentences)].argmax())]
        if len(_DENIES.findall(_NO.sub("", sentence))) > len(_DENIES.findall(nearest)):
            return Finding(0.0, f"the answer denies; the document states: {nearest[:120]!r}")
    return Finding(1.0)


def entailment(row: Row) -> Finding | None:
    """A cross-encoder's support for the least supported sentence of the answer; None if no cross-encoder is set."""
    if row.entail is None:
        return None
    answer_sentences = sentences(row.answer)
    scores = [float(score) for score in row.entail(row.document, answer_sentences)]
    worst = int(np.argmin(scores))
    return finding(scores[worst], f"the document does not bear out: {answer_sentences[worst][:120]!r}")


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
"""The names of all evidence; any other part of a worth is from a judge."""


async def evidence(
    candidate: Candidate, embed: Embed, entail: Entail | None = None, *, english: bool = True
) -> dict[str, Finding]:
    """All findings on the fields filled so far. None for a row without a document, whose right answer (a label, a
    number) need not be similar to the question. If rows are not in `english`, rules on English words have no finding.

    Once the texts are embedded, the rest takes about 0.3 ms of Python code, so a thread would not be faster.
    """
    if not candidate.document:
        return {}
    row = Row(candidate, await ahead(embed, Row(candidate, embed).texts()), entail, english=english)
    return await asyncio.to_thread(_findings, row) if entail else _findings(row)


def _findings(row: Row) -> dict[str, Finding]:
    answers = bool(words(row.answer)) and not row.refuses
    scorers = ON_QUESTION | (ON_ANSWER if answers else {})
    findings = {name: scorer(row) for name, scorer in scorers.items()}
    return {name: finding for name, finding in findings.items() if finding}


def likeness(embed: Embed, text: str, reference: str) -> float:
    """Cosine of two texts' embeddings, cut to [0, 1]."""
    first, second = embed([text, reference])
    return share(float(first @ second))


def word_support(answer: str, document: str, *, english: bool = True) -> float:
    """The share of the answer's content words that are in the document, in [0, 1]; 1 for an answer without any.

    If it is not in `english`, a word counts by its length: the function words are not known, but they are short.
    """
    answer_words, document_words = content_words(answer), set(content_words(document))
    weights = [1 if english else len(word) for word in answer_words]
    supported = sum(weight for word, weight in zip(answer_words, weights, strict=True) if word in document_words)
    return supported / sum(weights) if answer_words else 1.0


def missing_numbers(answer: str, document: str) -> list[str]:
    """The numbers of the answer that are not in the document: a strong sign of invention."""
    document_numbers = {*numbers_of(document), *spelt_numbers(document)}
    return [number for number in numbers_of(answer) if number not in document_numbers]


def wrong_number(number: str, document: str) -> str:
    """A message about a number that is not in the document, with the similar number that is."""
    match = process.extractOne(number, sorted(set(numbers_of(document))), score_cutoff=50)
    return f"the answer says {number}; the document {f'says {match[0]}' if match else 'does not'}"
