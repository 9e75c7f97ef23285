"""A feed that learns from rows gives the same sources, however a run is timed, interrupted and resumed."""

import asyncio
import gc
import weakref
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from programs.core.feed import OrderedFeed, Quiet, first_sources
from programs.core.row import Exchange, Source, digest
from seedbed.config.sections import RunSettings
from seedbed.runs.commit import Committed, Counts
from seedbed.runs.futility import Futility
from seedbed.runs.outcome import Outcome
from seedbed.runs.schedule import Schedule

LENGTH = 30  # sources of a feed


class Learning:
    """Its sources tell everything that was committed. It checks that this is what it needs, no more and no less."""

    def __init__(self, kind: str, size: int) -> None:
        self.kind, self.size, self.log = kind, size, list[str]()

    def needs(self, position: int) -> int:
        if self.kind == "rounds":
            return position - position % self.size
        return max(0, position - self.size + 1) if self.kind == "lag" else 0

    def source_at(self, position: int) -> Source | None:
        assert [int(line.split()[0]) for line in self.log] == list(range(self.needs(position)))
        if position == LENGTH:
            return None
        return Source(id=f"{position} {digest(*self.log)}", group="g", inputs={})

    def accepts(self, source: Source, row: Any) -> None:
        return None

    def committed(self, source: Source, rows: Sequence[Any], rejected: Sequence[Any]) -> None:
        self.log.append(f"{source.id}: {[row.asked for row in rows]}, not {[row.asked for row in rejected]}")


class Attempts:
    """Each takes some turns of the event loop; those of `known` positions are in the journal."""

    def __init__(self, slots: int, turns: Sequence[int], known: set[int]) -> None:
        self.slots, self._turns, self._known = slots, turns, known
        self.sources, self.finished = dict[int, str](), set[int]()

    def remembered(self, position: int, source: Source) -> Outcome | None:
        self.sources[position] = source.id
        return Outcome(source.id, []) if position in self._known else None

    async def make(self, position: int, source: Source) -> Outcome:
        for _ in range(self._turns[position % len(self._turns)]):
            await asyncio.sleep(0)
        self.finished.add(position)
        return Outcome(source.id, [])


async def invocation(feed: Learning, attempts: Attempts, commits: int) -> int:
    """One invocation that is interrupted after so many commits. Returns how many there were."""
    session = SimpleNamespace(
        project=SimpleNamespace(config=SimpleNamespace(run=RunSettings(rows=1000))),
        ledger=SimpleNamespace(room=None),
        book=None,
    )
    schedule = Schedule(cast(Any, session), feed, cast(Any, attempts), Counts({}), Futility(None), on_call=lambda: None)
    done = 0
    while done < commits and (step := await schedule.next()):
        position, outcome = step
        rows = [Exchange(asked=f"row {position}")] * (position % 3)
        schedule.committed(outcome, Committed(rows, [Exchange(asked="no")] * (position % 2)))
        done += 1
    await schedule.aclose()
    return done


@given(
    kind=st.sampled_from(["lag", "rounds", "none"]),
    size=st.integers(1, 12),
    slots=st.integers(1, 5),
    turns=st.lists(st.integers(0, 7), min_size=1, max_size=7),
    commits=st.integers(0, LENGTH),
)
def test_any_timing_and_any_interrupt_give_the_same_sources(
    kind: str, size: int, slots: int, turns: list[int], commits: int
) -> None:
    alone = Attempts(1, [0], set(range(LENGTH)))
    assert asyncio.run(invocation(Learning(kind, size), alone, LENGTH + 1)) == LENGTH
    first = Attempts(slots, turns, set())
    assert asyncio.run(invocation(Learning(kind, size), first, commits)) == commits
    resumed = Attempts(slots, turns, first.finished)
    assert asyncio.run(invocation(Learning(kind, size), resumed, LENGTH + 1)) == LENGTH
    assert first.sources.items() <= alone.sources.items()
    assert resumed.sources == alone.sources


@given(kind=st.sampled_from(["lag", "rounds", "none"]), size=st.integers(1, 12), n=st.integers(0, 40))
def test_the_first_sources_are_those_of_a_run_without_rows(kind: str, size: int, n: int) -> None:
    feed = Learning(kind, size)
    sources = first_sources(feed, n)
    assert len(sources) == min(n, LENGTH)
    assert all(line.endswith("[], not []") for line in feed.log)


class Endless(Quiet):
    def source_at(self, position: int) -> Source:
        return Source(id=str(position), group="g", inputs={})


def test_nothing_is_kept_for_a_feed_that_needs_no_rows() -> None:
    feed = OrderedFeed(Endless())
    feed.take()
    row = Exchange()
    kept = weakref.ref(row)
    feed.commit([row], [])
    del row
    gc.collect()
    assert kept() is None
