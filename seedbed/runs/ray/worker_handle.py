"""The driver's handle of one worker: its sources, its reserved money, and the messages to it."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from programs.core.row import Source
from seedbed.errors import BudgetReached, UserError
from seedbed.runs.outcome import KeptOutcome
from seedbed.runs.ray.messages import (
    Broken,
    Bye,
    Done,
    Failure,
    Free,
    Grant,
    Keep,
    Line,
    Settle,
    Stopped,
    ToDriver,
    ToWorker,
    Try,
    Want,
    loaded,
)
from seedbed.runs.ray.worker_log import read_log
from seedbed.storage.call import Call
from seedbed.storage.journal import Journal
from seedbed.storage.ledger import Ledger
from seedbed.storage.spending import Reservation

Post = Callable[[Sequence[ToWorker]], object]
"""Sends messages to the worker; does not wait."""


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A source for any worker to try; `done` becomes (the record of the outcome, whether a call failed)."""

    id: str
    source: Source
    done: asyncio.Future[tuple[KeptOutcome, bool]]


class Member:
    """Applies the messages of one worker to the run's journal and ledger. Used on the event loop.

    Args:
        post: to the worker. log: the worker's log file. say: receives its lines.
    """

    def __init__(self, post: Post, log: Path, journal: Journal, ledger: Ledger, say: Callable[[str], object]) -> None:
        self.log, self.jobs = log, dict[str, Job]()
        self._post, self._journal, self._ledger, self._say = post, journal, ledger, say
        self.has_reported = self.is_finished = False
        self._outbox = list[ToWorker]()
        self._waiting, self._lent = dict[int, asyncio.Task[None]](), dict[int, Reservation]()

    def give(self, job: Job) -> None:
        """Send it a source to try, with the calls already made for it."""
        self.jobs[job.id] = job
        self.send(Try(job.id, job.source, self._journal.made_for(job.id)))

    def send(self, message: ToWorker) -> None:
        """Post a message together with others of the same moment."""
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(message)

    async def hear(self, news: Iterable[bytes]) -> bool:
        """Handle frames; returns whether the worker is finished. Its calls are stored in the journal before anything
        else is done. Raises the error that broke the worker."""
        self.has_reported, messages = True, [loaded(frame) for frame in news]
        await self._journal.take([message for message in messages if isinstance(message, Call)])
        for message in messages:
            self._take(message)
        return self.is_finished

    def _take(self, message: ToDriver) -> None:
        match message:
            case Want():
                self._waiting[message.id] = asyncio.ensure_future(self._lend(message))
            case Settle(id, usd) if id in self._lent:  # else it was handled before
                self._ledger.settle(self._lent.pop(id), usd)
            case Free(id) if id in self._waiting:
                self._waiting[id].cancel()
            case Free(id) if id in self._lent:
                self._ledger.free(self._lent.pop(id))
            case Keep(id) if id in self._lent:
                self._ledger.keep(self._lent.pop(id))
            case Done():
                self._finish(message)
            case Stopped(id, failure):
                job = self.jobs.pop(id, None)
                if job and not job.done.done():
                    job.done.set_exception(failure.error)
            case Line(text):
                self._say(text)
            case Broken(failure):
                raise failure.error
            case Bye():
                self.is_finished = True

    async def collect(self) -> list[Job]:
        """After the worker's death: handle the rest of its log, if it can be read here. Returns its unfinished sources.
        Money reserved for unfinished calls stays spent."""
        for task in self._waiting.values():
            task.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)
        await self.hear(read_log(self.log))
        for reservation in self._lent.values():
            self._ledger.keep(reservation)
        self._lent.clear()
        return list(self.jobs.values())

    def _flush(self) -> None:
        messages, self._outbox = self._outbox, []
        self._post(messages)

    async def _lend(self, want: Want) -> None:
        refusal = None
        try:
            self._lent[want.id] = await self._ledger.reserve(want.alias, want.usd, want.calls)
        except (BudgetReached, UserError) as error:
            refusal = Failure.of(error)
        finally:
            del self._waiting[want.id]
        self.send(Grant(want.id, refusal))

    def _finish(self, message: Done) -> None:
        job = self.jobs.pop(message.id, None)
        if job is None:
            return
        for alias, counts in message.tallies.items():
            tally = self._journal.tallies[alias]
            for name, value in counts.items():
                setattr(tally, name, getattr(tally, name) + value)
        if not job.done.done():
            job.done.set_result((message.record, message.failed))
