"""Rows that are there already: the same words, nearly the same question, or the same meaning."""

import hashlib
import textwrap
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from programs.core.candidate import Candidate, Drop
from programs.core.embedding import Embed
from programs.core.text import rouge_l, words
from seedbed.runs.dedup.lsh import NEWEST, Lsh, Print
from seedbed.storage.disk_list import DiskList

QUOTED = 200  # characters of the row that a refused one is like


class _Look(NamedTuple):
    """What looking at a candidate found out, kept for when it is remembered."""

    key: int
    topic: str
    print: Print
    vector: npt.NDArray[np.float32] | None


class Duplicates:
    """The accepted rows, as far as telling a new one from them takes: under 100 bytes each, and topics in a file.

    A row is refused whose prompt and response have the words of an accepted row's, and one whose topic has a ROUGE-L
    (Lin 2004, section 3.1) of `bar` or more with an accepted row's. That is exact for every pair looked at, so no
    row below the bar is refused; which pairs are looked at is `lsh`'s to say. Of two rows the later one is
    refused, so rows must come in order.

    Args:
        bar: in (0, 1]. cosine: topics are also one from this cosine on, at 1.5 kB of memory a row and a comparison
        with each; None is off. embed: texts to unit vectors, for cosine.
    """

    def __init__(self, bar: float, *, cosine: float | None = None, embed: Embed | None = None) -> None:
        self._bar, self._cosine, self._embed = bar, cosine, embed
        self._keys, self._lsh, self._topics, self._vectors = _Keys(), Lsh(bar), DiskList[str](), _Vectors()
        self._latest: _Look | None = None

    def refusal(self, candidate: Candidate) -> Drop | None:
        """Why a row is one that is there already, or None."""
        topic = words(candidate.topic)
        asked = topic if candidate.topic == candidate.prompt else words(candidate.prompt)
        key = _key(asked + words(candidate.response))
        if key in self._keys:
            return Drop(step="duplicate", reason="exact duplicate", detail=_quoted(candidate.prompt))
        print = self._lsh.print(topic)
        for row in self._lsh.alike(print):
            known = self._topics[row]
            if (likeness := rouge_l(candidate.topic, known)) >= self._bar:
                return _near("ROUGE-L", likeness, known)
        vector = None
        if self._cosine is not None and self._embed is not None:
            vector = self._embed([candidate.topic])[0]
            row, likeness = self._vectors.nearest(vector)
            if likeness >= self._cosine:
                return _near("cosine", likeness, self._topics[row])
        self._latest = _Look(key, candidate.topic, print, vector)
        return None

    def remember(self, candidate: Candidate) -> None:
        """From now on rows like this one, for which `refusal` has just given None, are refused."""
        look = self._latest
        assert look is not None
        assert look.topic == candidate.topic
        self._keys.add(look.key)
        self._topics.append(look.topic)
        self._lsh.add(look.print)
        if look.vector is not None:
            self._vectors.add(look.vector)
        self._latest = None


class _Keys:
    """A set of 64-bit numbers in 8 bytes each: a sorted array, and the newest in a set."""

    def __init__(self) -> None:
        self._old: npt.NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self._new: set[int] = set()

    def __contains__(self, key: int) -> bool:
        place = int(np.searchsorted(self._old, np.uint64(key)))
        return key in self._new or (place < len(self._old) and int(self._old[place]) == key)

    def add(self, key: int) -> None:
        self._new.add(key)
        if len(self._new) == NEWEST:
            new = np.sort(np.fromiter(self._new, dtype=np.uint64, count=NEWEST))
            self._old = np.insert(self._old, np.searchsorted(self._old, new), new)
            self._new.clear()


class _Vectors:
    """Unit vectors, compared one by one; room for them is doubled when it is used up."""

    def __init__(self) -> None:
        self._all: npt.NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._count = 0

    def nearest(self, vector: npt.NDArray[np.float32]) -> tuple[int, float]:
        """The number of the vector with the largest cosine, and that cosine; -1 and -1.0 where there is none."""
        if not self._count:
            return -1, -1.0
        cosines = self._all[: self._count] @ vector
        row = int(np.argmax(cosines))
        return row, float(cosines[row])

    def add(self, vector: npt.NDArray[np.float32]) -> None:
        if self._count == len(self._all):
            room = np.zeros((max(1024, 2 * self._count), len(vector)), dtype=np.float32)
            room[: self._count] = self._all.reshape(self._count, len(vector))
            self._all = room
        self._all[self._count] = vector
        self._count += 1


def _key(said: list[str]) -> int:
    data = " ".join(said).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _near(measure: str, likeness: float, known: str) -> Drop:
    return Drop(step="duplicate", reason="near duplicate", detail=f"{measure} {likeness:.2f} with {_quoted(known)!r}")


def _quoted(text: str) -> str:
    return textwrap.shorten(text, QUOTED, placeholder=" ...")
