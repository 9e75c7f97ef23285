"""The diversity of a set of rows: how different they are from each other, and how much of the sources they reach."""

import heapq
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, computed_field
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from programs.core.embedding import Embed
from programs.core.row import Candidate, Source, digest
from programs.core.text import blank_words, words

SAMPLE = 1000  # the most rows, and chunks, that are compared with each other

_FIRST = re.compile(
    r"\W*(?:(?:in|on|at|by|to|for|from|with|of|about|under|after|before|until|since|during|through)\s+)?"
    r"(?:(?P<asks>what|how|why|when|where|which|who)(?:m|se|'s|’s)?"
    r"|(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|might|must|has|have|had)(?:n?['’]t)?)\b",
    re.IGNORECASE,
)


class Reach(BaseModel):
    """How many of all chunks or topics have a row."""

    reached: int
    total: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic dumps a property only so
    @property
    def share(self) -> float:
        """In [0, 1]."""
        return self.reached / self.total

    def __str__(self) -> str:
        return f"{self.reached} of {self.total}"


class Lengths(BaseModel):
    """The number of words of a text: the 10%, 50% and 90% quantiles."""

    low: float
    median: float
    high: float


class Variety(BaseModel):
    """The diversity of a set of rows. Its texts are the rows' topics: prompts without text that several rows may share.

    All but `rows`, `chunks` and `topics` is measured on `sampled` rows. All measures but the shares depend on this
    number, so compare only sets of the same size.

    Attributes:
        distinct_1, distinct_2, distinct_3: distinct n-grams / all n-grams, in (0, 1]; None where no text has one
            (Li et al. 2016, section 5, who divide by words).
        self_rouge_l: the mean over rows of the greatest ROUGE-L with another row, in [0, 1]; lower is more varied
            (self-BLEU of Zhu et al. 2018, section 3, with ROUGE-L in BLEU's place).
        vendi: the number of wholly different rows with the same diversity, in [1, sampled] (Friedman & Dieng 2023,
            eq. 1).
        kinds: the share of each kind of question, by its first English words.
        chunks, topics: the sources that rows start from, and their groups (documents, rows, labels, leaves of a
            taxonomy).
        radius: 1 - cosine of the least covered chunk, which is in `farthest`, and the text nearest to it, in [0, 2]
            (k-center; Sener & Savarese 2018, section 4).
    """

    rows: int
    sampled: int
    distinct_1: float | None
    distinct_2: float | None
    distinct_3: float | None
    self_rouge_l: float
    vendi: float
    kinds: dict[str, float]
    prompt_words: Lengths
    response_words: Lengths
    chunks: Reach | None = None
    topics: Reach | None = None
    radius: float | None = None
    farthest: str | None = None

    def __str__(self) -> str:
        shares = {} if self.kinds.keys() <= {"other"} else self.kinds  # other languages have only "other"
        kinds = "; " * bool(shares) + ", ".join(f"{kind} {share:.0%}" for kind, share in list(shares.items())[:4])
        distinct = "" if self.distinct_2 is None else f"distinct-2 {self.distinct_2:.2f}, "
        lines = [
            f"variety: {distinct}self-ROUGE-L {self.self_rouge_l:.2f}, Vendi {self.vendi:.1f} of {self.sampled}{kinds}"
        ]
        coverage = [f"{self.chunks} have a row"] if self.chunks else []
        coverage += [f"{self.topics} groups"] if self.topics else []
        coverage += (
            [f"the one farthest from any row is {self.radius:.2f} away ({self.farthest})"] if self.farthest else []
        )
        return "\n".join([*lines, f"sources: {', '.join(coverage)}"] if coverage else lines)


class Sample:
    """A sample of a growing set: at most `SAMPLE` rows, and which sources have a row.

    It keeps the rows with the smallest digests, so neither the order of rows nor an interruption changes it. Memory
    does not grow with the set, and grows by at most 18 bytes per source.

    Args:
        sources: all chunks. topics: all groups of sources; by default the groups of `sources`.
    """

    def __init__(self, sources: Sequence[Source] = (), topics: Collection[str] = ()) -> None:
        self.rows, self._sources = 0, sources
        ids, groups = array("Q"), array("Q", map(_key, topics))
        for source in sources:
            ids.append(_key(source.id))
            if not topics:
                groups.append(_key(source.group))
        self._chunks, self._topics = _Seen(ids), _Seen(groups)
        self._rows: list[tuple[int, int, str, str]] = []  # a heap with the greatest digest first

    def add(self, candidate: Candidate, source: Source) -> None:
        """Add a row to the set, with the source it was made from."""
        self.rows += 1
        text = candidate.novelty_key or candidate.response
        rank = int(digest(source.id, text, candidate.response), 16)
        keep = heapq.heappush if len(self._rows) < SAMPLE else heapq.heappushpop
        keep(self._rows, (-rank, self.rows, text, candidate.response))
        self._chunks.see(source.id)
        self._topics.see(source.group)

    def variety(self, embed: Embed) -> Variety | None:
        """The diversity of the set so far; None while it is empty. Embeds up to `SAMPLE` texts and as many chunks."""
        if not self._rows:
            return None
        rows = sorted(self._rows, key=lambda row: (-row[0], row[1]))
        texts, responses = [row[2] for row in rows], [row[3] for row in rows]
        vectors = embed(texts)
        radius, farthest = self._radius(embed, vectors)
        return Variety(
            rows=self.rows,
            sampled=len(texts),
            distinct_1=distinct(texts, 1),
            distinct_2=distinct(texts, 2),
            distinct_3=distinct(texts, 3),
            self_rouge_l=self_rouge_l(texts),
            vendi=vendi(vectors),
            kinds=_shares([kind(text) for text in texts]),
            prompt_words=_lengths(texts),
            response_words=_lengths(responses),
            chunks=self._chunks.reach(),
            topics=self._topics.reach(),
            radius=radius,
            farthest=farthest,
        )

    def _radius(self, embed: Embed, vectors: npt.NDArray[np.float32]) -> tuple[float, str] | tuple[None, None]:
        texts = (source for source in self._sources if source.inputs.get("document"))
        chunks = heapq.nsmallest(SAMPLE, texts, key=lambda source: digest(source.id))
        if not chunks:
            return None, None
        nearest = (embed([source.inputs["document"] for source in chunks]) @ vectors.T).max(axis=1)
        worst = int(nearest.argmin())
        return max(0.0, 1 - float(nearest[worst])), chunks[worst].group


class _Seen:
    """Which of all names have been seen, in 9 bytes per name: sorted 64-bit keys, and a flag for each."""

    def __init__(self, keys: "array[int]") -> None:
        self._keys = np.unique(np.frombuffer(keys, np.uint64))
        self._seen = np.zeros(len(self._keys), bool)

    def see(self, name: str) -> None:
        key = np.uint64(_key(name))
        place = int(self._keys.searchsorted(key))
        if place < len(self._keys) and self._keys[place] == key:
            self._seen[place] = True

    def reach(self) -> Reach | None:
        """How many have been seen; None if none has, because the rows start from something else."""
        return Reach(reached=int(self._seen.sum()), total=len(self._seen)) if self._seen.any() else None


def _key(name: str) -> int:
    return int(digest(name), 16)


def variety(
    rows: Iterable[tuple[Candidate, Source]],
    embed: Embed,
    sources: Sequence[Source] = (),
    topics: Collection[str] = (),
) -> Variety | None:
    """The diversity of a set of rows with their sources; None without rows. `sources` and `topics` as in `Sample`."""
    sample = Sample(sources, topics)
    for candidate, source in rows:
        sample.add(candidate, source)
    return sample.variety(embed)


def distinct(texts: Sequence[str], n: int) -> float | None:
    """Distinct n-grams of words / all n-grams, in (0, 1]; None where no text has n words."""
    grams = [gram for text in texts for gram in zip(*(words(text)[i:] for i in range(n)), strict=False)]
    return len(set(grams)) / len(grams) if grams else None


def self_rouge_l(texts: Sequence[str]) -> float:
    """The mean over texts of the greatest ROUGE-L with another text, in [0, 1]; 0 for a single text."""
    pieces = [words(text) for text in texts]
    similarities = cdist(pieces, pieces, scorer=Indel.normalized_similarity)
    np.fill_diagonal(similarities, 0)
    return float(similarities.max(axis=1).mean())


def vendi(vectors: npt.NDArray[np.float32]) -> float:
    """exp of the Shannon entropy of the eigenvalues of K/n, K the cosines of n unit vectors, shape (n, d); in [1, n].

    The n x n and the d x d products have the same eigenvalues above 0, so the smaller one is used.
    """
    rows = vectors.astype(np.float64)
    product = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    values = np.linalg.eigvalsh(product)
    shares = values[values > 1e-12] / values[values > 1e-12].sum()
    return float(np.clip(np.exp(-(shares * np.log(shares)).sum()), 1, len(rows)))


def kind(prompt: str) -> str:
    """The question word: what, how, why, when, where, who or which; yes-no; other where no clause has one."""
    clauses = prompt.split(",") if "?" in prompt else [prompt]
    for first in filter(None, map(_FIRST.match, clauses)):
        if first["asks"]:
            return first["asks"].lower()
        if "?" in prompt:
            return "yes-no"
    return "other"


def _shares(kinds: Sequence[str]) -> dict[str, float]:
    """The share of each kind, the commonest first, ties by name."""
    counts = sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0]))
    return {name: count / len(kinds) for name, count in counts}


def _lengths(texts: Sequence[str]) -> Lengths:
    low, median, high = np.quantile([blank_words(text) for text in texts], (0.1, 0.5, 0.9))
    return Lengths(low=low, median=median, high=high)
