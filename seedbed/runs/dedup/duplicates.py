"""Refuses rows that repeat an earlier one: the same words, nearly the same question, or the same meaning."""

import hashlib
import textwrap
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from programs.core.embedding import Embed
from programs.core.row import Candidate, Drop
from programs.core.text import rouge_l, words
from seedbed.runs.dedup.lsh import NEWEST, Fingerprint, Lsh
from seedbed.storage.disk_list import DiskList

QUOTED = 200  # characters of the earlier row in a refusal


class _Look(NamedTuple):
    """What `refusal` computed of a candidate; `remember` stores it. `text`: its novelty key."""

    key: int
    text: str
    fingerprint: Fingerprint | None
    vector: npt.NDArray[np.float32] | None


class Duplicates:
    """Compares rows with all accepted ones, of which it stores under 100 bytes each, and the novelty keys in a file.

    A row is refused if its texts have the same words as an accepted row's, or if its novelty key has a ROUGE-L (Lin
    2004, section 3.1) of `bar` or more with an accepted row's, unless the row was given that text. ROUGE-L is computed
    exactly for the pairs that `lsh` finds, so no row below the bar is refused. Of two rows the later one is refused, so
    rows must come in order.

    Args:
        bar: in (0, 1]. cosine: novelty keys from this cosine on are duplicates too, at 1.5 kB of memory a row and a
        comparison with each; None is off. embed: texts to unit vectors, for cosine.
    """

    def __init__(self, bar: float, *, cosine: float | None = None, embed: Embed | None = None) -> None:
        self._bar, self._cosine, self._embed = bar, cosine, embed
        self._keys, self._lsh, self._texts, self._vectors = _Keys(), Lsh(bar), DiskList[str](), _Vectors()
        self._latest: _Look | None = None

    def refusal(self, candidate: Candidate) -> Drop | None:
        """Why a row is a duplicate of an accepted one; None where it is new."""
        key, text = _key([word for text in candidate.texts() for word in words(text)]), candidate.novelty_key
        if key in self._keys:
            quoted = candidate.prompt or candidate.response
            return Drop(step="duplicate", reason="exact duplicate", detail=_quoted(quoted))
        if not text:
            self._latest = _Look(key, text, None, None)
            return None
        fingerprint = self._lsh.fingerprint(words(text))
        for row in self._lsh.alike(fingerprint):
            earlier = self._texts[row]
            if (likeness := rouge_l(text, earlier)) >= self._bar and earlier not in candidate.given:
                return _near("ROUGE-L", likeness, earlier)
        vector = None
        if self._cosine is not None and self._embed is not None:
            vector = self._embed([text])[0]
            for row, likeness in self._vectors.alike(vector, self._cosine):
                if (earlier := self._texts[row]) not in candidate.given:
                    return _near("cosine", likeness, earlier)
        self._latest = _Look(key, text, fingerprint, vector)
        return None

    def remember(self, candidate: Candidate) -> None:
        """Add a row, for which `refusal` has just returned None, to the accepted ones."""
        look = self._latest
        assert look is not None
        assert look.text == candidate.novelty_key
        self._keys.add(look.key)
        self._latest = None
        if look.fingerprint is None:
            return
        self._texts.append(look.text)
        self._lsh.add(look.fingerprint)
        if look.vector is not None:
            self._vectors.add(look.vector)


class _Keys:
    """A set of 64-bit numbers, 8 bytes each: a sorted array, and a Python set of the newest."""

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
    """Unit vectors in one array, which doubles when it is full."""

    def __init__(self) -> None:
        self._all: npt.NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._count = 0

    def alike(self, vector: npt.NDArray[np.float32], cosine: float) -> list[tuple[int, float]]:
        """The numbers of the vectors from this cosine on, each with its own, the nearest first."""
        if not self._count:
            return []
        cosines = self._all[: self._count] @ vector
        rows = np.flatnonzero(cosines >= cosine)
        return [(int(row), float(cosines[row])) for row in rows[np.argsort(-cosines[rows], kind="stable")]]

    def add(self, vector: npt.NDArray[np.float32]) -> None:
        if self._count == len(self._all):
            room = np.zeros((max(1024, 2 * self._count), len(vector)), dtype=np.float32)
            room[: self._count] = self._all.reshape(self._count, len(vector))
            self._all = room
        self._all[self._count] = vector
        self._count += 1


def _key(tokens: list[str]) -> int:
    data = " ".join(tokens).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _near(measure: str, likeness: float, earlier: str) -> Drop:
    return Drop(step="duplicate", reason="near duplicate", detail=f"{measure} {likeness:.2f} with {_quoted(earlier)!r}")


def _quoted(text: str) -> str:
    return textwrap.shorten(text, QUOTED, placeholder=" ...")
