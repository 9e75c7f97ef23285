"""A row as its scorers see it, with the embeddings they share, and the finding of a scorer."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from programs.core.embedding import Embed, Vectors
from programs.core.row import Candidate
from programs.core.text import sentences, words

Entail = Callable[[str, Sequence[str]], Sequence[float]]
"""(document, statements) -> how well it supports each statement, in [0, 1]: a cross-encoder."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A scorer's result: a score in [0, 1], and in `said` what is wrong, in words for a person ('' if nothing is)."""

    score: float
    said: str = ""


class Row:
    """A candidate on a document, with the embeddings its scorers share.

    A window is one sentence of the document, or two consecutive ones. `request`: the question as it is understood.
    `english`: rules of English words apply.
    """

    def __init__(
        self, candidate: Candidate, embed: Embed, entail: Entail | None = None, *, english: bool = True
    ) -> None:
        self.document, self.question, self.answer = candidate.document or "", candidate.prompt, candidate.response
        self.request = candidate.request
        self.refuses = candidate.refuses
        self.embed, self.entail, self.english = embed, entail, english

    @functools.cached_property
    def sentences(self) -> list[str]:
        return sentences(self.document) or [self.document]

    @functools.cached_property
    def windows(self) -> list[str]:
        """The sentences, and then the pairs of consecutive sentences."""
        return self.sentences + [" ".join(pair) for pair in itertools.pairwise(self.sentences)]

    @functools.cached_property
    def vectors(self) -> Vectors:
        """The vectors of the windows, shape (windows, d)."""
        return self.embed(self.windows)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """All words of the document."""
        return frozenset(words(self.document))

    def texts(self) -> list[str]:
        """All texts that the scorers embed, so that many rows can be embedded at once."""
        question = [self.question, f"{self.question} {self.answer}", self.request] if self.question else []
        answer = [self.answer, *sentences(self.answer)] if self.answer else []
        return [self.document, *self.windows, *question, *answer]

    def near(self, text: str) -> npt.NDArray[np.float32]:
        """Cosine of a text with each window, shape (windows,)."""
        return self.vectors @ self.embed([text])[0]

    @functools.cached_property
    def asked_near(self) -> npt.NDArray[np.float32]:
        return self.near(self.question)


def finding(score: float, doubt: str) -> Finding:
    """A finding that names the doubt only if the score is below one half."""
    return Finding(share(score), doubt if score < 0.5 else "")


def share(score: float) -> float:
    """The score cut to [0, 1], to four decimals: on some machines the last bits of a vector depend on the other texts
    of the batch, and a score must not."""
    return round(min(max(score, 0.0), 1.0), 4)
