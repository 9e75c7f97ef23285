"""Feeds hand out sources by position; one that listens also hears which candidates were accepted, at a fixed lag.

A feed's `take(position)` may depend on nothing but its arguments and what it has heard; the run tells it of
every accepted candidate up to `position - lag` before it asks, never of later ones. So a run that was
interrupted, or that ran on more machines, sees the same sources.
"""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from programs.core.candidate import Candidate, Drop, Source, digest
from programs.core.recipe import Seed

S = TypeVar("S", bound=Seed)


class Feed(Protocol):
    """Where sources come from.

    Attributes:
        listens: whether what it hands out depends on what it hears. A run can be no further than the lag ahead of
        the last row of a feed that does.
    """

    listens: bool

    def take(self, position: int) -> Source | None:
        """The source at a position (0, 1, 2, ...; asked in order), or None when the feed is dry."""
        ...

    def admit(self, candidate: Candidate) -> Drop | None:
        """At commit, in order: why a candidate that passed everything may still not join the rows."""
        ...

    def hear(self, candidate: Candidate) -> None:
        """An accepted candidate, of a position that lies the run's lag behind."""
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
    """Passages in a shuffled order, the whole pile `draws` times; or groups of seed passages to invent from.

    Args:
        sources: one a passage. seeds: labelled seeds, whose passages are shown where documents are invented.
        seed: of the shuffle. draws: how often a passage is used at most. unanswerable: share of questions that
        the document shall not answer. invent: ignore the sources and have documents written.
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
        self._sources, self._order = sources, keys.argsort(kind="stable").astype(np.uint32)  # 4 bytes a source
        self._seeds = [one for one in seeds if getattr(one, "document", None)]
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
        chosen = random.Random(f"{self._seed}|{position}|shown").sample(self._seeds, min(3, len(self._seeds)))
        shown = [str(getattr(one, "document", "")) for one in chosen]
        return Source(
            id=digest("invented", position, *shown),
            group=f"invented-{position}",
            inputs={"examples": "\n\n".join(shown)},
            origin={"invented": True},
            shown=[one.id for one in chosen],
            draw=min(position, 1),
        )
