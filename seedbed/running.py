"""`seedbed run`: candidates in parallel, committed in order, until there are N accepted rows or a limit is met."""

import asyncio
import collections
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import LMError

from metrics.citation import Span, cited
from metrics.metric import Metric, Worth
from metrics.variety import Sample
from optimize.scoring import Scored, score_source
from programs.candidate import Candidate, Drop, Source, digest
from programs.feeds import LAG
from programs.program import Program
from programs.text import words
from seedbed.journal import Scope
from seedbed.progress import Progress
from seedbed.provenance import provenance
from seedbed.rows import REJECTED, Shards, rejected, row, row_schema
from seedbed.session import Session
from seedbed.teacher import SAMPLED


@dataclasses.dataclass
class Outcome:
    """What became of one source, by its id in the journal: its scored candidates and the tokens they took."""

    id: str
    source: Source
    scored: list[Scored]
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = 0.0


class Run:
    """One run into a folder. `await work()`, then `finish(why)` writes what is left and closes the shards.

    Order is by position, never by who is done first: outcomes wait for their turn, near duplicates are looked for
    and rows are accepted in that order, so an interrupted run and an uninterrupted one give the same rows.
    """

    def __init__(
        self,
        session: Session,
        program: Program,
        metric: Metric,
        out: Path,
        shared: dict[str, Any],
        progress: Progress,
    ) -> None:
        self.session, self.program, self.metric, self.progress = session, program, metric, progress
        self.project, self.out, self.shared = session.project, out, shared
        self.feed = self.project.feed()
        self.goal, self.limits = self.project.config.run.rows, self.project.config.run
        self.accepted, self.candidates = 0, 0
        self.reasons: collections.Counter[str] = collections.Counter()
        self.unscored: collections.Counter[str] = collections.Counter()
        self.samples: list[dict[str, Any]] = []
        self.content = digest()  # of the rows so far, in order
        leaves = [seed.group for seed in self.project.seeds] if self.project.recipe.takes == "leaves" else []
        self.sample = Sample(self.project.sources, leaves)
        self._started = time.monotonic()
        self._shards: dict[str, Shards] = {}
        self._heard: collections.deque[tuple[int, Candidate]] = collections.deque()
        self._duplicates = Duplicates(session.embed, self.project.config.gates.near_duplicate)
        self._setup = digest(
            metric.hash,
            session.identity("teacher"),
            session.identity("judge"),
            shared["program"],
            self.project.config.models,
            self.project.config.embedder,
        )

    async def work(self) -> str:
        """Run until done; returns why it stopped. Cancelling it loses calls in flight at most."""
        self.session.journal.describe(self._setup, provenance(self.project, self.program, self.metric, self.shared))
        tasks: dict[int, asyncio.Task[Outcome]] = {}
        window = min(LAG, 2 * self.session.lm("teacher").async_engine.concurrency)
        bar = self.progress.bar("rows", self.goal)
        position = 0
        try:
            while True:
                self._launch(tasks, position, window)
                if position not in tasks:
                    return f"the feed is dry after {self.candidates} candidates"
                await self._commit(position, await tasks[position])
                del tasks[position]
                position += 1
                self.progress.show(bar, self.accepted, self._note())
                if why := self._done():
                    return why
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def finish(self, *, complete: bool) -> None:
        """Write the rows not yet written; after a complete run, remove shards that are no longer part of it."""
        for folder, names in (("rows", ("train", "validation")), ("rejected", ("rejected",))):
            for name in names:
                self._shard(folder, name).close(complete=complete)

    def splits(self) -> dict[str, int]:
        """Accepted rows by split; splits without rows are left out."""
        return {
            name: shards.count
            for name in ("train", "validation")
            if (shards := self._shards.get(name)) and shards.count
        }

    def _launch(self, tasks: dict[int, asyncio.Task[Outcome]], position: int, window: int) -> None:
        """Fill the window from `position` on; never run ahead of a remembered outcome, which costs nothing."""
        while len(tasks) < window and (source := self._take(ahead := position + len(tasks))):
            known = self.session.journal.outcome(self._setup, self._id(ahead, source))
            tasks[ahead] = asyncio.create_task(self._outcome(ahead, source, known))
            if known:
                return

    def _id(self, position: int, source: Source) -> str:
        return digest(self.limits.seed, source.id, source.draw, position, json.dumps(source.inputs, sort_keys=True))

    def _take(self, position: int) -> Source | None:
        """The feed's source, after it has heard of exactly the rows accepted up to LAG positions before."""
        while self._heard and self._heard[0][0] <= position - LAG:
            self.feed.hear(self._heard.popleft()[1])
        source: Source | None = self.feed.take(position)
        return source

    async def _outcome(self, position: int, source: Source, known: dict[str, Any] | None) -> Outcome:
        id = self._id(position, source)
        if known:
            return _remembered(id, source, known, self.program)
        with (
            self.session.scope(id, source.draw) as scope,
            dspy.context(lm=self._lm(source)),
        ):
            try:
                scored = await score_source(self.program, source, self.metric)
            except LMError as error:  # this call failed for good; another try of the run may do better
                drop = Drop(step="teacher", reason="teacher failed", detail=str(error).splitlines()[0])
                return Outcome(id, source, [Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))])
        outcome = Outcome(id, source, scored, *scope.tokens(), self.session.cost(scope.tallies))
        await self.session.journal.record(
            self._setup, id, _kept(outcome, scope, await asyncio.to_thread(self._cites, scored))
        )
        return outcome

    def _cites(self, scored: Sequence[Scored]) -> list[list[Span]]:
        """The sentences behind each row that got as far as evidence, for which they were embedded already."""
        return [cited(self.session.embed, one.candidate) if one.worth.parts else [] for one in scored]

    def _lm(self, source: Source) -> Any:
        lm = self.session.lm("teacher")
        return lm if not source.draw else lm.copy(temperature=max(SAMPLED, lm.kwargs.get("temperature") or 0.0))

    async def _commit(self, position: int, outcome: Outcome) -> None:
        carried = self.shared | {"attempt": outcome.id} | _share(outcome)
        for index, scored in enumerate(outcome.scored):
            if self._done():
                return
            self.candidates += 1
            self.unscored.update(scored.worth.unscored)
            if drop := await self._refusal(scored):
                self.reasons[drop.reason] += 1
                worth = scored.worth.model_copy(update={"drop": drop})
                id = digest(position, index, scored.source.id)
                out = rejected(id, dataclasses.replace(scored, worth=worth), carried)
                self._shard("rejected", "rejected").add(out)
                continue
            self._accept(position, scored, carried)

    async def _refusal(self, scored: Scored) -> Drop | None:
        return (
            scored.worth.drop
            or await asyncio.to_thread(self._duplicates.refusal, scored.candidate)
            or self.feed.admit(scored.candidate)
        )

    def _accept(self, position: int, scored: Scored, carried: dict[str, Any]) -> None:
        self.accepted += 1
        self._duplicates.remember(scored.candidate)
        self._heard.append((position, scored.candidate))
        self.sample.add(scored.candidate, scored.source)
        made = row(scored, carried)
        split = "validation" if self.project.is_held_out(scored.source.group) else "train"
        self._shard("rows", split).add(made)
        self.content = digest(self.content, made["id"])
        if len(self.samples) < 3:
            self.samples.append(made)

    def _done(self) -> str | None:
        limits, minutes = self.limits, (time.monotonic() - self._started) / 60
        if self.accepted >= self.goal:
            return f"{self.goal} rows are accepted"
        if self.candidates >= limits.candidates:
            return f"run.max_candidates: {limits.candidates} is reached"
        if limits.max_minutes is not None and minutes >= limits.max_minutes:
            return f"run.max_minutes: {limits.max_minutes:g} is reached"
        return None

    def _note(self) -> str:
        worst = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(3))
        rate = self.candidates / (time.monotonic() - self._started)
        return f"{self.candidates} candidates, {rate:.1f}/s" + (f" ({worst})" if worst else "")

    def _shard(self, folder: str, name: str) -> Shards:
        if name not in self._shards:
            schema = REJECTED if folder == "rejected" else row_schema(self.program.row)
            self._shards[name] = Shards(self.out / folder, name, schema)
        return self._shards[name]


class Duplicates:
    """Accepted prompts, exact and near: two prompts are one from a cosine on. Exact ones cost no embedding."""

    def __init__(self, embed: Any, bar: float) -> None:
        self._embed, self._bar, self._exact = embed, bar, set[str]()
        self._vectors: list[Any] = []
        self._latest: Any = None

    def refusal(self, candidate: Candidate) -> Drop | None:
        """Why a row is one that is there already, or None."""
        if self._key(candidate) in self._exact:
            return Drop(step="duplicate", reason="exact duplicate", detail=candidate.prompt)
        vector = self._latest = self._embed([candidate.topic])[0]
        near = float(np.max(np.stack(self._vectors) @ vector)) if self._vectors else 0.0
        if near >= self._bar:
            return Drop(step="duplicate", reason="near duplicate", detail=f"{near:.2f} like an accepted row")
        return None

    def remember(self, candidate: Candidate) -> None:
        """From now on rows like this one, the last that was looked at, are refused."""
        self._exact.add(self._key(candidate))
        self._vectors.append(self._latest)

    def _key(self, candidate: Candidate) -> str:
        return " ".join(words(f"{candidate.prompt} {candidate.response}"))


def _share(outcome: Outcome) -> dict[str, Any]:
    """What each candidate of an attempt took."""
    n = max(len(outcome.scored), 1)
    dollars = None if outcome.dollars is None else outcome.dollars / n
    return {"input_tokens": outcome.input_tokens // n, "output_tokens": outcome.output_tokens // n, "dollars": dollars}


def _kept(outcome: Outcome, scope: Scope, cites: Sequence[Sequence[Span]]) -> dict[str, Any]:
    return {
        "spent": [outcome.input_tokens, outcome.output_tokens, outcome.dollars],
        "calls": list(zip(scope.keys, scope.asked, strict=True)),
        "scored": [
            {"candidate": s.candidate.model_dump(mode="json"), "worth": s.worth.model_dump(mode="json"), "cites": spans}
            for s, spans in zip(outcome.scored, cites, strict=True)
        ],
    }


def _remembered(id: str, source: Source, kept: dict[str, Any], program: Program) -> Outcome:
    scored = [
        Scored(source, program.row.model_validate(one["candidate"]), Worth.model_validate(one["worth"]))
        for one in kept["scored"]
    ]
    return Outcome(id, source, scored, *kept["spent"])
