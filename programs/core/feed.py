"""Feeds return sources by position, and may learn from what was committed at earlier positions.

A feed's `source_at(position)` may depend only on its arguments and on what `committed` passed to it. A run calls
`committed` for exactly the first `needs(position)` positions, in order, before it calls `source_at(position)`. So a run
that was interrupted, or that ran on more machines, gets the same sources.
"""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from programs.core.embedding import Embed
from programs.core.recipe import Seed
from programs.core.row import Candidate, Drop, Source, digest

S = TypeVar("S", bound=Seed)


@dataclasses.dataclass(frozen=True)
class FeedInput:
    """What a feed is made of.

    Attributes:
        sources: of the config, such as one for each passage; empty if the recipe starts from seeds. seeds: labelled.
        options: of the recipe. seed: of every random choice. embed: the embedding function; None without a session.
    """

    sources: Sequence[Source]
    seeds: Sequence[Any]
    options: Any
    seed: int = 0
    embed: Embed | None = None


class Feed(Protocol):
    """The origin of sources. A class of feeds takes one `FeedInput`."""

    def needs(self, position: int) -> int:
        """How many positions must be committed before the source at this one is known: 0 to `position`, and never
        fewer than at an earlier position."""
        ...

    def source_at(self, position: int) -> Source | None:
        """The source at a position (0, 1, 2, ..., in this order), or None if there is none from here on."""
        ...

    def accepts(self, source: Source, row: Any) -> Drop | None:
        """Called at commit, in order: why a candidate of the source that passed all gates is still rejected, or
        None."""
        ...

    def committed(self, source: Source, rows: Sequence[Any], rejected: Sequence[Any]) -> None:
        """Called once for each committed position, in order: its accepted candidates, and the rejected ones, whose
        `dropped` says why."""
        ...


class Quiet:
    """A feed whose sources do not depend on rows."""

    def needs(self, position: int) -> int:
        return 0

    def accepts(self, source: Source, row: Any) -> Drop | None:
        return None

    def committed(self, source: Source, rows: Sequence[Any], rejected: Sequence[Any]) -> None:
        return None


class OrderedFeed:
    """Takes sources from a feed in order, and passes committed positions on: exactly those that each source needs.

    It holds only the sources that are not committed, and the commits that the feed does not need yet.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed, self._position = feed, 0  # the position of the next source
        self._open = collections.deque[Source]()  # taken, and not committed
        self._commits = collections.deque[tuple[Source, Sequence[Candidate], Sequence[Candidate]]]()
        self._passed_on = 0

    @property
    def is_ready(self) -> bool:
        """Whether enough positions are committed for the next source."""
        return self._feed.needs(self._position) <= self._position - len(self._open)

    def take(self) -> Source | None:
        """The next source, or None if there is none from here on. Call it only while `is_ready`."""
        while self._passed_on < self._feed.needs(self._position):
            self._feed.committed(*self._commits.popleft())
            self._passed_on += 1
        source = self._feed.source_at(self._position)
        if source:
            self._open.append(source)
            self._position += 1
        return source

    def commit(self, rows: Sequence[Candidate], rejected: Sequence[Candidate]) -> None:
        """Record what was committed of the first source that is not committed yet."""
        source = self._open.popleft()
        if not isinstance(self._feed, Quiet):
            self._commits.append((source, rows, rejected))


def first_sources(feed: Feed, n: int) -> list[Source]:
    """Up to n sources from the beginning of a feed, as if no row came of any of them."""
    ordered, sources = OrderedFeed(feed), list[Source]()
    while len(sources) < n and (source := ordered.take()):
        ordered.commit([], [])
        sources.append(source)
    return sources


def grouped(seeds: Sequence[S]) -> dict[str, list[S]]:
    """The seeds of each group, in their order."""
    groups: dict[str, list[S]] = {}
    for seed in seeds:
        groups.setdefault(seed.group, []).append(seed)
    return groups


class Shuffled(Quiet):
    """The sources in a shuffled order, all of them `draws` times."""

    def __init__(self, feed_input: FeedInput, draws: int = 1) -> None:
        sources, seed = feed_input.sources, feed_input.seed
        keys = np.fromiter((int(digest(seed, source.id), 16) for source in sources), np.uint64, len(sources))
        self._sources, self._order = sources, keys.argsort(kind="stable").astype(np.uint32)  # 4 bytes per source
        self._draws = draws

    def source_at(self, position: int) -> Source | None:
        if not self._sources or position >= self._draws * len(self._sources):
            return None
        draw, index = divmod(position, len(self._sources))
        return self._sources[int(self._order[index])].model_copy(update={"draw": draw})


class ChunkFeed(Shuffled):
    """Passages in a shuffled order, all of them `options.draws` times."""

    def __init__(self, feed_input: FeedInput) -> None:
        super().__init__(feed_input, feed_input.options.draws)
