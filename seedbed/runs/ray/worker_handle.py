"""The driver's end of one worker: the sources it has, the money it is lent, and what is on its way to it."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from programs.core.candidate import Source
from seedbed.errors import BudgetReached, UserError
from seedbed.runs.ray.worker_ledger import packed, unpacked
from seedbed.runs.ray.worker_log import read_log
from seedbed.storage.journal import Call, Journal
from seedbed.storage.ledger import Ledger, Reservation

Post = Callable[[Sequence[Sequence[Any]]], object]
"""Sends messages to the worker; does not wait."""


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A source that some worker is to try; `done` becomes (what is kept of the outcome, whether a call failed)."""

    id: str
    source: Source
    done: asyncio.Future[tuple[dict[str, Any], bool]]


class Member:
    """What the frames of one worker's log (see `worker.Desk`) do to the run's journal and ledger. On the event loop.

    Args:
        post: to the worker. log: where the worker keeps what it did. say: told its lines.
    """

    def __init__(self, post: Post, log: Path, journal: Journal, ledger: Ledger, say: Callable[[str], object]) -> None:
        self.log, self.jobs = log, dict[str, Job]()
        self._post, self._journal, self._ledger = post, journal, ledger
        self.heard = self.through = False
        self._outbox = list[Sequence[Any]]()
        self._asked, self._lent = dict[int, asyncio.Task[None]](), dict[int, Reservation]()
        self._means: dict[str, Callable[..., object]] = {
            "want": self._wants,
            "settle": self._settles,
            "free": self._frees,
            "keep": self._keeps,
            "done": self._does,
            "stopped": self._stops,
            "say": say,
            "broken": self._breaks,
        }

    def give(self, job: Job) -> None:
        """Let it try a source, with the calls that were made for it before."""
        self.jobs[job.id] = job
        self.send("job", job.id, job.source, self._journal.made_for(job.id))

    def send(self, *message: Any) -> None:
        """Post a message with the others of this moment."""
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(message)

    async def hear(self, news: Iterable[bytes]) -> bool:
        """Take frames in; whether they say that the worker is through. Its calls are in the journal before anything
        else happens. Raises what broke the worker."""
        self.heard, frames = True, [orjson.loads(frame) for frame in news]
        await self._journal.take([as_call(told) for kind, *told in frames if kind == "call"])
        for kind, *told in frames:
            if kind in self._means:
                self._means[kind](*told)
        self.through = any(kind == "bye" for kind, *_ in frames)
        return self.through

    async def bury(self) -> list[Job]:
        """The worker is dead: take in what its log still says, where that can be read here; its sources that are not
        done. Money that it had out for calls without an end stays spent."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await self.hear(read_log(self.log))
        for reservation in self._lent.values():
            self._ledger.keep(reservation)
        self._lent.clear()
        return list(self.jobs.values())

    def _flush(self) -> None:
        messages, self._outbox = self._outbox, []
        self._post(messages)

    def _wants(self, id: int, alias: str, usd: float | None, calls: int) -> None:
        self._asked[id] = asyncio.ensure_future(self._lend(id, alias, usd, calls))

    async def _lend(self, id: int, alias: str, usd: float | None, calls: int) -> None:
        refusal = None
        try:
            self._lent[id] = await self._ledger.reserve(alias, usd, calls)
        except (BudgetReached, UserError) as error:
            refusal = packed(error)
        finally:
            del self._asked[id]
        self.send("lease", id, refusal)

    def _settles(self, id: int, usd: float | None) -> None:
        if id in self._lent:  # else it was heard before
            self._ledger.settle(self._lent.pop(id), usd)

    def _frees(self, id: int) -> None:
        if id in self._asked:
            self._asked[id].cancel()
        elif id in self._lent:
            self._ledger.free(self._lent.pop(id))

    def _keeps(self, id: int) -> None:
        if id in self._lent:
            self._ledger.keep(self._lent.pop(id))

    def _does(self, id: str, kept: dict[str, Any], failed: bool, tallies: dict[str, dict[str, float]]) -> None:
        job = self.jobs.pop(id, None)
        if job is None:
            return
        for alias, counted in tallies.items():
            tally = self._journal.tallies[alias]
            for name, value in counted.items():
                setattr(tally, name, getattr(tally, name) + value)
        if not job.done.done():
            job.done.set_result((kept, failed))

    def _stops(self, id: str, error: list[str]) -> None:
        job = self.jobs.pop(id, None)
        if job and not job.done.done():
            job.done.set_exception(unpacked(error))

    def _breaks(self, error: list[str]) -> None:
        raise unpacked(error)


def as_call(told: Sequence[Any]) -> Call:
    """A line of the journal, as a log has it."""
    key, alias, scope, request, response, *counted = told
    return (key, alias, scope, request.encode(), response.encode(), *counted)
