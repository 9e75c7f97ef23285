"""Commits outcomes in the order of their positions: the gates that compare rows, the shards, the counts."""

import collections
import dataclasses
import heapq
import itertools
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from metrics.diversity import Sample
from metrics.pairs import PairFigures
from optimize.scoring import Scored
from programs.core.embedding import ahead
from programs.core.feed import Feed
from programs.core.row import Candidate, Drop, digest
from programs.formats.replies import EMPTY, FAILED
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.project.session import Session
from seedbed.runs.dedup.contamination import Contamination
from seedbed.runs.dedup.duplicates import Duplicates
from seedbed.runs.outcome import Outcome, Try
from seedbed.runs.rows import rejected, row
from seedbed.storage.row_schema import REJECTED, row_schema
from seedbed.storage.shards.run_shards import RunShards

ABSENT = "not in the journal"
SHOWN = 3  # rows shown at the end


@dataclasses.dataclass
class TeacherRecord:
    """The sources, rows and cost of one teacher of the cascade; `dollars` is None if its price is unknown."""

    sources: int = 0
    accepted: int = 0
    dollars: float | None = 0.0

    def add(self, attempt: Try) -> None:
        """Count one more source."""
        self.sources += 1
        self.dollars = None if self.dollars is None or attempt.dollars is None else self.dollars + attempt.dollars


@dataclasses.dataclass
class Counts:
    """What a run has committed so far.

    `reasons` counts rejected candidates, `unscored` missing verdicts by judge, `stood_in` accepted rows by the fallback
    model that answered. `words`: the first detail of a reason that is the model's fault. `absent`: consecutive sources
    that a replay does not find in the journal.
    """

    teachers: dict[str, TeacherRecord]
    accepted: int = 0
    candidates: int = 0
    sources: int = 0
    absent: int = 0
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    unscored: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    stood_in: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    words: dict[str, str] = dataclasses.field(default_factory=dict)


class Committed(NamedTuple):
    """The candidates of one source: accepted ones, and rejected ones, whose `dropped` says why."""

    rows: list[Candidate]
    rejected: list[Candidate]


class Commit:
    """Takes outcomes in the order of their positions, not of their completion. Duplicates are found and rows accepted
    in this order, so an interrupted run gives the same rows as an uninterrupted one.

    Attributes:
        counts: so far. shards: of rows and rejected candidates. samples: the best rows, the best first. sample: the
        rows on which diversity is measured. pairs: figures of the pairs, if rows are pairs. content: a digest of the
        columns and of the rows, in order.
    """

    def __init__(self, session: Session, cascade: Sequence[TeacherProgram], feed: Feed, out: Path) -> None:
        self._session, self._project, self._feed = session, session.project, feed
        self._limits, gates = self._project.config.run, self._project.config.gates
        self.counts = Counts({member.teacher: TeacherRecord() for member in cascade})
        self._row_type = cascade[0].program.row
        columns = row_schema(self._row_type)
        self.shards = RunShards(out, self._limits.shards, columns, REJECTED, session.owner)
        seeds = self._project.inputs.seeds if self._project.recipe.reads == "seeds" else []
        self.sample = Sample(self._project.inputs.sources, [seed.group for seed in seeds])
        self.pairs = PairFigures()
        self.samples, self.content = list[dict[str, Any]](), digest(columns)
        self._shared = {member.teacher: member.carried for member in cascade}
        models = self._project.config.models
        self._licences = {alias: entry.licence for alias, entry in models.items() if entry.licence}
        self._cosine = gates.near_duplicate_cosine
        self._duplicates = Duplicates(gates.near_duplicate, cosine=self._cosine, embed=session.embed)
        self._contamination = Contamination(gates.test_sets, self._project.base)

    @property
    def end(self) -> str | None:
        """Why the run is at its end; None if it is not."""
        if self.counts.accepted >= self._limits.rows:
            return f"{self._limits.rows} rows are accepted"
        if self.counts.candidates >= self._limits.candidates:
            return f"run.max_candidates: {self._limits.candidates} is reached"
        return None

    async def take(self, position: int, outcome: Outcome) -> Committed:
        """Accept or reject the candidates of one source until the run is at its end."""
        self.counts.sources += 1
        committed = Committed([], [])
        if self._session.offline and outcome.failed:  # it did not finish in the original run either
            self.counts.absent += 1
            self.counts.reasons[ABSENT] += 1
            return committed
        self.counts.absent = 0
        places = itertools.count()
        for attempt in outcome.tries:
            shared = self._shared[attempt.teacher] | {"attempt": outcome.id, "position": position} | attempt.share
            self.counts.teachers[attempt.teacher].add(attempt)
            for index, scored in enumerate(attempt.scored):
                if self.end:
                    return committed
                shared["index"] = next(places)
                drop = await self._refusal(scored)
                self.pairs.add(scored.candidate, accepted=not drop)
                if drop:
                    await self._reject(f"{attempt.teacher} {index}", position, scored, drop, shared)
                    committed.rejected.extend(self._rejected(scored.candidate, drop))
                else:
                    committed.rows.append(scored.candidate)
                    await self._accept(scored, shared)
                    self.counts.teachers[attempt.teacher].accepted += 1
        return committed

    async def _refusal(self, scored: Scored) -> Drop | None:
        self.counts.candidates += 1
        self.counts.unscored.update(scored.worth.unscored)
        if self._cosine and scored.accepted and (text := scored.candidate.novelty_key):
            await ahead(self._session.embed, [text])  # off the event loop; the vector is remembered
        return (
            scored.worth.drop
            or self._contamination.refusal(scored.candidate)
            or self._duplicates.refusal(scored.candidate)
            or self._feed.accepts(scored.source, scored.candidate)
        )

    def _rejected(self, candidate: Candidate, drop: Drop) -> list[Candidate]:
        """The candidate with its rejection; none if a failed call left only a placeholder, because a later invocation
        may make a candidate there."""
        made = isinstance(candidate, self._row_type)
        return [candidate.model_copy(update={"dropped": drop})] if made else []

    async def _reject(self, place: str, position: int, scored: Scored, drop: Drop, shared: dict[str, Any]) -> None:
        self.counts.reasons[drop.reason] += 1
        if drop.reason in (EMPTY, FAILED):
            self.counts.words.setdefault(drop.reason, drop.detail[:200])
        worth = scored.worth.model_copy(update={"drop": drop})
        id = digest(position, place, scored.source.id)
        await self.shards.reject(rejected(id, dataclasses.replace(scored, worth=worth), shared, self._licences))

    async def _accept(self, scored: Scored, shared: dict[str, Any]) -> None:
        self.counts.accepted += 1
        self.counts.stood_in.update(shared["stood_in"])
        self._duplicates.remember(scored.candidate)
        self.sample.add(scored.candidate, scored.source)
        accepted = row(scored, shared, self._licences)
        validates = self._project.validates(scored.source.group)
        await self.shards.accept(accepted, "validation" if validates else "train")
        self.content = digest(self.content, accepted["id"])
        self.samples = heapq.nlargest(SHOWN, [*self.samples, accepted], key=itemgetter("score"))
