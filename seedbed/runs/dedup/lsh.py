"""MinHash-LSH over short texts: finds earlier rows that may be alike, in about 60 bytes a row."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

RECALL = 0.98  # share of the pairs at the bar that are found; more similar pairs are found more surely
BANDS = 12  # at most; each takes 4 bytes a row
ROWS = 8  # MinHashes a band at most: at a bar of 1 any number would do
NEWEST = 4096  # rows that wait in a dict, at 2 kB each, until they go into the arrays together
BITS = 18  # of a bucket's number
BUCKETS = 1 << BITS  # a band
LONG = 65_535  # words; longer texts pass the bound in any case, for they differ in 64 parities at most
SEED = 42
MIX = np.random.default_rng(SEED).integers(1 << 63, size=ROWS, dtype=np.uint64) | np.uint64(1)

Rows = npt.NDArray[np.uint32]


class Fingerprint(NamedTuple):
    """What the index stores of a text: a bucket in each band, 64 parities of the words' hashes, the number of words."""

    buckets: list[int]
    parities: int
    length: int


def banding(bar: float) -> tuple[int, int]:
    """The numbers of bands, and of MinHashes a band, that find pairs of ROUGE-L `bar` (0, 1] with probability RECALL.

    Both bags of words contain the common subsequence, so their Dice coefficient is at least the ROUGE-L, and their
    Jaccard similarity at least j = bar / (2 - bar). b bands of r MinHashes find such a pair with probability
    1 - (1 - j^r)^b (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, section 3.4.2). The r is the largest
    for which BANDS bands are enough, since more MinHashes a band mean fewer pairs that are compared in vain:
    6 of them in 11 bands at 0.9, 2 in 12 at 0.7. Below a bar of about 0.43, BANDS bands do not reach RECALL.
    """
    jaccard = bar / (2 - bar)
    for rows in range(ROWS, 0, -1):
        missed = 1 - jaccard**rows
        bands = math.ceil(math.log(1 - RECALL) / math.log(missed)) if missed > 0 else 1
        if bands <= BANDS:
            return bands, rows
    return BANDS, 1


class Lsh:
    """Finds the rows added so far that may have a ROUGE-L of `bar` or more with a text. Rows are numbered as added.

    rensa's own LSH takes about 1,000 bytes a row, so only its MinHashes are used. A band's buckets are slices of one
    array of rows, 4 bytes each. Rows that share a bucket must also pass a bound that every pair above the bar passes: a
    word that two bags do not share turns at most one of the 64 parities. So only MinHash misses pairs, and whether a
    pair is found depends on its two texts only.

    Args:
        bar: of ROUGE-L, in (0, 1].
    """

    def __init__(self, bar: float) -> None:
        self._bar = bar
        self._bands, self._width = banding(bar)
        self._first = np.arange(self._bands, dtype=np.uint64) * np.uint64(BUCKETS + 1)
        self._starts = np.zeros(self._bands * (BUCKETS + 1), dtype=np.uint32)  # of each bucket in its band's rows
        self._rows: list[Rows] = [np.zeros(0, dtype=np.uint32)] * self._bands
        self._parities: npt.NDArray[np.uint64] = np.zeros(NEWEST, dtype=np.uint64)
        self._lengths: npt.NDArray[np.uint16] = np.zeros(NEWEST, dtype=np.uint16)
        self._new: list[Fingerprint] = []
        self._new_buckets: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._parities) - NEWEST + len(self._new)

    def fingerprint(self, words: Sequence[str]) -> Fingerprint:
        """The fingerprint of a text, from its words."""
        bag = _bag(words)
        sketch = RMinHash(self._bands * self._width, SEED)
        sketch.update(bag)
        minima = np.array(sketch.digest(), dtype=np.uint64).reshape(self._bands, self._width)
        buckets = (minima @ MIX[: self._width] >> np.uint64(64 - BITS)) + self._first
        parities = 0
        for number in map(hash, bag):
            parities ^= 1 << (number & 63)
        return Fingerprint(buckets.tolist(), parities, len(bag))

    def alike(self, fingerprint: Fingerprint) -> list[int]:
        """The numbers of the rows that may be like this text, in order."""
        shared, slack = self._sharing(fingerprint.buckets), 1 - self._bar
        differing = np.bitwise_count(self._parities[shared] ^ np.uint64(fingerprint.parities))
        near = differing <= slack * fingerprint.length * 2 / self._bar + 1e-9  # both have 2 * length / bar words
        if not near.any():
            return []
        rows, differing = shared[near], differing[near]
        close = differing <= slack * (self._lengths[rows] + float(fingerprint.length)) + 1e-9  # words not shared
        return sorted(set(rows[close].tolist()))

    def add(self, fingerprint: Fingerprint) -> None:
        """Add a row, by the fingerprint of its text."""
        row = len(self)
        self._parities[row], self._lengths[row] = fingerprint.parities, min(fingerprint.length, LONG)
        self._new.append(fingerprint)
        for bucket in fingerprint.buckets:
            self._new_buckets.setdefault(bucket, []).append(row)
        if len(self._new) == NEWEST:
            self._fold()

    def _sharing(self, buckets: list[int]) -> Rows:
        """The rows in these buckets, some of them more than once."""
        starts = self._starts.data  # single numbers are read several times as fast from a memoryview
        old = [rows[starts[bucket] : starts[bucket + 1]] for rows, bucket in zip(self._rows, buckets, strict=True)]
        new = [row for bucket in buckets for row in self._new_buckets.get(bucket, ())]
        return np.concatenate([*old, np.array(new, dtype=np.uint32)])

    def _fold(self) -> None:
        """Append the newest rows to their buckets in the arrays."""
        buckets = np.array([fingerprint.buckets for fingerprint in self._new]).T - self._first[:, None].astype(np.int64)
        for band, (new, starts) in enumerate(zip(buckets, self._starts.reshape(self._bands, -1), strict=True)):
            order = np.argsort(new, kind="stable")
            rows = (order + (len(self) - NEWEST)).astype(np.uint32)
            self._rows[band] = np.insert(self._rows[band], starts[new[order] + 1].astype(np.int64), rows)
            starts[1:] += np.cumsum(np.bincount(new, minlength=BUCKETS), dtype=np.uint32)
        self._parities = np.append(self._parities, np.zeros(NEWEST, dtype=np.uint64))
        self._lengths = np.append(self._lengths, np.zeros(NEWEST, dtype=np.uint16))
        self._new.clear()
        self._new_buckets.clear()


def _bag(words: Sequence[str]) -> list[str]:
    """The words, with a number at repeated ones, so that the set of them is the bag."""
    counts: dict[str, int] = {}
    bag = []
    for word in words:
        count = counts[word] = counts.get(word, 0) + 1
        bag.append(word if count == 1 else f"{word} {count}")
    return bag
