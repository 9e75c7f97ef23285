"""Feeds return sources by position; one that listens also learns which candidates were accepted, at a fixed lag.

A feed's `take(position)` may depend only on its arguments and on the candidates passed to `hear`. Before a run calls
it, it passes every accepted candidate up to `position - lag`, and none after that. So a run that was interrupted, or
that ran on more machines, gets the same sources.
"""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from programs.core.recipe import Seed
from programs.core.row import Candidate, Drop, Source, digest

S = TypeVar("S", bound=Seed)


class Feed(Protocol):
    """The origin of sources.

    Attributes:
        listens: whether its sources depend on accepted candidates. If so, a run can be at most the lag ahead of the
        last committed row.
    """

    listens: bool

    def take(self, position: int) -> Source | None:
        """The source at a position (0, 1, 2, ..., in this order), or None if the feed is dry."""
        ...

    def admit(self, candidate: Candidate) -> Drop | None:
        """Called at commit, in order: why a candidate that passed all gates is still rejected, or None."""
        ...

    def hear(self, candidate: Candidate) -> None:
        """Learn of an accepted candidate, from a position the run's lag before."""
        ...


class Quiet:
    """A feed that does not listen."""

    listens = False

    def admit(self, candidate: Candidate) -> Drop | None:
        return None

    def hear(self, candidate: Candidate) -> None:
        return None


def grouped(seeds: Sequence[S]) -> dict[str, list[S]]:
    """The seeds of each group, in their order."""
    groups: dict[str, list[S]] = {}
    for seed in seeds:
        groups.setdefault(seed.group, []).append(seed)
    return groups


class ChunkFeed(Quiet):
    """Passages in a shuffled order, all of them `draws` times; or groups of seed passages to invent documents from.

    Args:
        sources: one per passage. seeds: labelled seeds; their passages are shown to invent documents.
        seed: of the shuffle. draws: how often a passage is used at most. unanswerable: the share of questions that
        the document must not answer. invent: ignore the sources and let the teacher write documents.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        seeds: Sequence[Seed],
        *,
        seed: int,
        draws: int,
        unanswerable: float = 0.0,
        invent: bool = False,
    ) -> None:
        keys = np.fromiter((int(digest(seed, source.id), 16) for source in sources), np.uint64, len(sources))
        self._sources, self._order = sources, keys.argsort(kind="stable").astype(np.uint32)  # 4 bytes per source
        self._seeds = [labelled for labelled in seeds if getattr(labelled, "document", None)]
        self._seed, self._draws, self._unanswerable, self._invent = seed, draws, unanswerable, invent

    def take(self, position: int) -> Source | None:
        source = self._invented(position) if self._invent else self._chunk(position)
        if source is None or random.Random(f"{self._seed}|{position}").random() >= self._unanswerable:
            return source
        return source.model_copy(update={"inputs": {**source.inputs, "answerable": False}})

    def _chunk(self, position: int) -> Source | None:
        if not self._sources or position >= self._draws * len(self._sources):
            return None
        draw, index = divmod(position, len(self._sources))
        return self._sources[int(self._order[index])].model_copy(update={"draw": draw})

    def _invented(self, position: int) -> Source | None:
        if not self._seeds:
            return None
        sample = random.Random(f"{self._seed}|{position}|shown").sample(self._seeds, min(3, len(self._seeds)))
        shown = [str(getattr(labelled, "document", "")) for labelled in sample]
        return Source(
            id=digest("invented", position, *shown),
            group=f"invented-{position}",
            inputs={"examples": "\n\n".join(shown)},
            origin={"invented": True},
            shown=[labelled.id for labelled in sample],
            draw=min(position, 1),
        )
