"""Finds copies: documents with nearly the same text under several names, such as a page and its PDF."""

import functools
import zlib
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from programs.core.text import END, words
from seedbed.sources.reading.document import Document

MARKS = 8  # sentences of each document that are compared to find candidate pairs


def copies(documents: Sequence[Document]) -> dict[str, str]:
    """The name of each document that has copies -> one name for all of them, the first in alphabetical order.

    Two documents are copies where the shorter one has more than half of the longer one's sentences, apart from line
    breaks and punctuation. Candidates share one of the eight sentences with the least hashes of each (bottom-k
    sketches, Cohen and Kaplan 2007): where half of all their sentences are common, one pair in 256 may be missed.
    """

    @functools.lru_cache(maxsize=64)
    def sentences(place: int) -> frozenset[int]:
        return _sentences(documents[place].text)

    family = list(range(len(documents)))
    for pair in _pairs(documents):
        first, *later = sorted({_first(family, place) for place in pair})
        if later and _are_copies(*map(sentences, pair)):
            family[later[0]] = first
    members = dict[int, list[str]]()
    for place in range(len(family)):
        if (first := _first(family, place)) != place:
            members.setdefault(first, [documents[first].name]).append(documents[place].name)
    return {name: min(names) for names in members.values() for name in names}


def _are_copies(first: frozenset[int], second: frozenset[int]) -> bool:
    return 2 * len(first & second) > max(len(first), len(second))


def _pairs(documents: Sequence[Document]) -> Iterator[tuple[int, int]]:
    """Places of documents that share a mark: for each mark the first document with each other one, and each with the
    next. Not every two of them, because all documents may have the same sentence."""
    marks, places = array("I"), array("I")
    for place, document in enumerate(documents):
        least = sorted(_sentences(document.text))[:MARKS]
        marks.extend(least)
        places.extend([place] * len(least))
    hashes, owners = np.array(marks, np.uint32), np.array(places, np.uint32)
    order = np.argsort(hashes, kind="stable")
    first = previous = -1
    mark = None
    for index in order:
        place = int(owners[index])
        if hashes[index] == mark:
            yield first, place
            if previous != first:
                yield previous, place
        else:
            mark, first = hashes[index], place
        previous = place


def _first(family: list[int], place: int) -> int:
    """The first document of the family; shortens the path to it (union-find)."""
    while family[place] != place:
        family[place] = place = family[family[place]]
    return place


def _sentences(text: str) -> frozenset[int]:
    pieces = (" ".join(words(piece)) for piece in END.split(text))
    return frozenset(zlib.crc32(piece.encode()) for piece in pieces if piece)
