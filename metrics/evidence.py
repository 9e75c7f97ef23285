"""Evidence that needs no judge: how far a row's words, numbers and meaning are borne out by its document.

Each scorer takes a Row and gives a Finding in [0, 1], higher is better, or None where it does not apply. Those kept
here each add something over the trivial rules on one labelled set at least (docs/benchmarks.md, `judge`).
"""

import asyncio
import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from metrics.likelihood import LIKELIHOODS
from programs.candidate import Candidate
from programs.embedding import Embed, Vectors, ahead
from programs.text import content_words, sentences, words
from signatures.grounding import DOES_NOT_SAY

Entail = Callable[[str, Sequence[str]], Sequence[float]]
"""(document, statements) -> how far it bears each out, in [0, 1]: a cross-encoder."""


class Named(Protocol):
    """An `Entail` that says which one it is."""

    @property
    def name(self) -> str: ...

    def __call__(self, document: str, statements: Sequence[str]) -> Sequence[float]: ...


_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_DENIES = re.compile(r"\b(?:no|not|never|none|nor|neither|nothing|nobody|without|cannot|\w+n['’]t)\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a scorer found: a score in [0, 1], and what is wrong in a person's words ('' where nothing is)."""

    score: float
    said: str = ""


class Row:
    """A candidate on a document, with the embeddings its scorers share.

    A window is a sentence of the document or two that follow each other.
    """

    def __init__(self, candidate: Candidate, embed: Embed, entail: Entail | None = None) -> None:
        self.document, self.question, self.answer = candidate.document or "", candidate.prompt, candidate.response
        self.embed, self.entail = embed, entail

    @functools.cached_property
    def windows(self) -> list[str]:
        pieces = sentences(self.document) or [self.document]
        return pieces + [" ".join(pair) for pair in itertools.pairwise(pieces)]

    @functools.cached_property
    def vectors(self) -> Vectors:
        """Of the windows, shape (windows, d)."""
        return self.embed(self.windows)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """All that the document holds."""
        return frozenset(words(self.document))

    def texts(self) -> list[str]:
        """All that the scorers embed, so that many rows can be embedded at once."""
        asked = [self.question, f"{self.question} {self.answer}"] if self.question else []
        return [self.document, *self.windows, *asked, *([self.answer, *sentences(self.answer)] if self.answer else [])]

    def near(self, text: str) -> npt.NDArray[np.float32]:
        """Cosine of a text with each window, shape (windows,)."""
        return self.vectors @ self.embed([text])[0]

    @functools.cached_property
    def asked_near(self) -> npt.NDArray[np.float32]:
        return self.near(self.question)


def relevance(row: Row) -> Finding | None:
    """Question-document relevance: the mean of the question's cosine with the document and with its best window."""
    if not row.question:
        return None
    score = (likeness(row.embed, row.question, row.document) + float(row.asked_near.max())) / 2
    return _finding(score, "the question is hardly about this document")


def word_share(row: Row) -> Finding | None:
    """Lexical support: the share of the answer's content words that the document holds."""
    missing = [word for word in dict.fromkeys(content_words(row.answer)) if word not in row.words]
    named = ", ".join(f"{word!r}" for word in missing[:3])
    return Finding(word_support(row.answer, row.document), f"the document does not have {named}" if missing else "")


def numbers(row: Row) -> Finding | None:
    """The share of the answer's numbers that the document holds; None for an answer without any."""
    said = _NUMBER.findall(row.answer)
    if not said:
        return None
    missing = missing_numbers(row.answer, row.document)
    return Finding(1 - len(missing) / len(said), wrong_number(missing[0], row.document) if missing else "")


def verbatim(row: Row) -> Finding | None:
    """The share of the answer's words that the document holds in the same order (LCS recall; Lin 2004, section 3.1)."""
    said = words(row.answer)
    score = LCSseq.similarity(said, words(row.document)) / len(said) if said else 0.0
    return _finding(score, "the document has the answer's words in another order, or not at all")


def located(row: Row) -> Finding | None:
    """The share of what the answer adds to the question that stands in the window the question points to."""
    known = set(content_words(row.question))
    added = [word for word in content_words(row.answer) if word not in known]
    if not row.question or not added:
        return None
    window = row.windows[int(row.asked_near.argmax())]
    there = set(content_words(window))
    said = f"the document speaks of what is asked here, without the answer's words: {window[:120]!r}"
    return _finding(sum(word in there for word in added) / len(added), said)


def gain(row: Row) -> Finding | None:
    """Sentence-level support: how much nearer the answer brings the question to its best window; 0.5 is no nearer."""
    if not row.question:
        return None
    nearer = float(row.near(f"{row.question} {row.answer}").max() - row.asked_near.max())
    return _finding(0.5 + nearer / 2, "no sentence of the document is nearer to question and answer together")


def topic(row: Row) -> Finding | None:
    """Cosine of the answer with the whole document."""
    return _finding(likeness(row.embed, row.answer, row.document), "the answer is about something else")


def denial(row: Row) -> Finding | None:
    """0 where a sentence of the answer denies what its nearest window states, else 1."""
    for sentence in sentences(row.answer):
        window = row.windows[int(row.near(sentence).argmax())]
        if _DENIES.search(sentence) and not _DENIES.search(window):
            return Finding(0.0, f"the answer denies; the document states: {window[:120]!r}")
    return Finding(1.0)


def entailment(row: Row) -> Finding | None:
    """How far a cross-encoder finds the least supported sentence of the answer borne out; None where none is set."""
    if row.entail is None:
        return None
    said = sentences(row.answer)
    scores = [float(score) for score in row.entail(row.document, said)]
    least = int(np.argmin(scores))
    return _finding(scores[least], f"the document does not bear out: {said[least][:120]!r}")


ON_QUESTION: dict[str, Callable[[Row], Finding | None]] = {"relevance": relevance}
ON_ANSWER: dict[str, Callable[[Row], Finding | None]] = {
    "words": word_share,
    "numbers": numbers,
    "verbatim": verbatim,
    "located": located,
    "gain": gain,
    "topic": topic,
    "denial": denial,
    "entailment": entailment,
}

PARTS = frozenset({*ON_QUESTION, *ON_ANSWER, "round trip", *LIKELIHOODS})
"""The names of all evidence; any other part of a row is a judge's."""


async def evidence(candidate: Candidate, embed: Embed, entail: Entail | None = None) -> dict[str, Finding]:
    """All findings on what is filled so far; none for a row without a document, where a right answer (a label, a
    number) need not be like anything that was asked.

    What is left once the texts are embedded takes some 0.3 ms, of Python: no thread would have it sooner.
    """
    if not candidate.document:
        return {}
    row = Row(candidate, await ahead(embed, Row(candidate, embed).texts()), entail)
    return await asyncio.to_thread(_found, row) if entail else _found(row)


def _found(row: Row) -> dict[str, Finding]:
    answers = bool(words(row.answer)) and row.answer != DOES_NOT_SAY
    scorers = ON_QUESTION | (ON_ANSWER if answers else {})
    found = {name: scorer(row) for name, scorer in scorers.items()}
    return {name: finding for name, finding in found.items() if finding}


def likeness(embed: Embed, text: str, other: str) -> float:
    """Cosine of two texts' embeddings, cut to [0, 1]."""
    one, two = embed([text, other])
    return _share(float(one @ two))


def word_support(answer: str, document: str) -> float:
    """The share of the answer's content words that stand in the document, in [0, 1]; 1 for an answer without any."""
    said, there = content_words(answer), set(content_words(document))
    return sum(word in there for word in said) / len(said) if said else 1.0


def missing_numbers(answer: str, document: str) -> list[str]:
    """The numbers of the answer that the document does not hold: a strong sign of invention."""
    there = set(_NUMBER.findall(document))
    return [number for number in _NUMBER.findall(answer) if number not in there]


def wrong_number(said: str, document: str) -> str:
    """What to tell a person of a number the document does not hold, with the one it may have been meant for."""
    near = process.extractOne(said, sorted(set(_NUMBER.findall(document))), score_cutoff=50)
    return f"the answer says {said}; the document {f'says {near[0]}' if near else 'does not'}"


def _finding(score: float, doubt: str) -> Finding:
    """A finding that speaks of a doubt only where it is one: below one half."""
    return Finding(_share(score), doubt if score < 0.5 else "")


def _share(score: float) -> float:
    """To four decimals: on some machines the last bits of a vector depend on what was embedded beside it, and a
    score may not."""
    return round(min(max(score, 0.0), 1.0), 4)
