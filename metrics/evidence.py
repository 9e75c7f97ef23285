"""Evidence that needs no judge: how well a question fits its document and an answer is supported by it."""

import itertools
import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from programs.text import content_words, sentences

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Texts -> unit vectors, shape (n, d)."""

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")


def likeness(embed: Embed, text: str, other: str) -> float:
    """Cosine of two texts' embeddings, cut to [0, 1]."""
    one, two = embed([text, other])
    return float(np.clip(one @ two, 0, 1))


def word_support(answer: str, document: str) -> float:
    """The share of the answer's content words that stand in the document, in [0, 1]; 1 for an answer without any."""
    said, there = content_words(answer), set(content_words(document))
    return sum(word in there for word in said) / len(said) if said else 1.0


def missing_numbers(answer: str, document: str) -> list[str]:
    """The numbers of the answer that the document does not hold: a strong sign of invention."""
    there = set(_NUMBER.findall(document))
    return [number for number in _NUMBER.findall(answer) if number not in there]


def sentence_support(embed: Embed, question: str, answer: str, document: str) -> float:
    """Cosine, cut to [0, 1], of question and answer together with the document's best one or two sentences."""
    pieces = sentences(document) or [document]
    windows = pieces + [" ".join(pair) for pair in itertools.pairwise(pieces)]
    vectors = embed([f"{question} {answer}", *windows])
    return float(np.clip((vectors[1:] @ vectors[0]).max(), 0, 1))
