"""Copies: documents of nearly the same text under several names, such as a page and its PDF."""

import functools
import zlib
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from programs.core.text import END, words
from seedbed.sources.reading.document import Document

MARKS = 8  # sentences of each document by which copies are looked for


def copies(documents: Sequence[Document]) -> dict[str, str]:
    """By the name of each document that has copies, one name for all of them: the first in the order of names.

    Two documents are copies where more than half of the sentences of the longer one stand in the other, whatever
    their line breaks and marks. They are looked for by the eight sentences of the least hashes of each (bottom-k
    sketches, Cohen and Kaplan 2007): where half of all their sentences are common, one pair in 256 may be missed.
    """

    @functools.lru_cache(maxsize=64)
    def sentences(place: int) -> frozenset[int]:
        return _sentences(documents[place].text)

    family = list(range(len(documents)))
    for one, other in _pairs(documents):
        ours, theirs = _first(family, one), _first(family, other)
        if ours != theirs and 2 * len(sentences(one) & sentences(other)) > max(
            len(sentences(one)), len(sentences(other))
        ):
            family[max(ours, theirs)] = min(ours, theirs)
    members = dict[int, list[str]]()
    for place in range(len(family)):
        if (first := _first(family, place)) != place:
            members.setdefault(first, [documents[first].name]).append(documents[place].name)
    return {name: min(names) for names in members.values() for name in names}


def _pairs(documents: Sequence[Document]) -> Iterator[tuple[int, int]]:
    """Places of documents with one of their marks in common: of each mark the first with each, and each with the
    next, so that a sentence that stands in all documents makes no pair of every two."""
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
    while family[place] != place:
        family[place] = place = family[family[place]]
    return place


def _sentences(text: str) -> frozenset[int]:
    pieces = (" ".join(words(piece)) for piece in END.split(text))
    return frozenset(zlib.crc32(piece.encode()) for piece in pieces if piece)
