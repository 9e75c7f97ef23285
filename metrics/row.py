"""A row as its scorers see it, with the embeddings they share, and what a scorer finds."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from programs.core.candidate import Candidate
from programs.core.embedding import Embed, Vectors
from programs.core.text import sentences, words

Entail = Callable[[str, Sequence[str]], Sequence[float]]
"""(document, statements) -> how far it bears each out, in [0, 1]: a cross-encoder."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a scorer found: a score in [0, 1], and what is wrong in a person's words ('' where nothing is)."""

    score: float
    said: str = ""


class Row:
    """A candidate on a document, with the embeddings its scorers share.

    A window is a sentence of the document or two that follow each other. `english`: rules of English words hold.
    """

    def __init__(
        self, candidate: Candidate, embed: Embed, entail: Entail | None = None, *, english: bool = True
    ) -> None:
        self.document, self.question, self.answer = candidate.document or "", candidate.prompt, candidate.response
        self.embed, self.entail, self.english = embed, entail, english

    @functools.cached_property
    def sentences(self) -> list[str]:
        return sentences(self.document) or [self.document]

    @functools.cached_property
    def windows(self) -> list[str]:
        """The sentences, and then the pairs of them."""
        return self.sentences + [" ".join(pair) for pair in itertools.pairwise(self.sentences)]

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


def finding(score: float, doubt: str) -> Finding:
    """A finding that speaks of a doubt only where it is one: below one half."""
    return Finding(share(score), doubt if score < 0.5 else "")


def share(score: float) -> float:
    """To four decimals: on some machines the last bits of a vector depend on what was embedded beside it, and a
    score may not."""
    return round(min(max(score, 0.0), 1.0), 4)
