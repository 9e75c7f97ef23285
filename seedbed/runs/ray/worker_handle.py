"""The driver's end of one worker: the sources it has, the money it is lent, and what is on its way to it."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from programs.core.candidate import Source
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
    """A source that some worker is to try; `done` becomes (what is kept of the outcome, whether a call failed)."""

    id: str
    source: Source
    done: asyncio.Future[tuple[KeptOutcome, bool]]


class Member:
    """What the messages of one worker do to the run's journal and ledger. Used on the event loop.

    Args:
        post: to the worker. log: where the worker keeps what it did. say: told its lines.
    """

    def __init__(self, post: Post, log: Path, journal: Journal, ledger: Ledger, say: Callable[[str], object]) -> None:
        self.log, self.jobs = log, dict[str, Job]()
        self._post, self._journal, self._ledger, self._say = post, journal, ledger, say
        self.heard = self.through = False
        self._outbox = list[ToWorker]()
        self._asked, self._lent = dict[int, asyncio.Task[None]](), dict[int, Reservation]()

    def give(self, job: Job) -> None:
        """Let it try a source, with the calls that were made for it before."""
        self.jobs[job.id] = job
        self.send(Try(job.id, job.source, self._journal.made_for(job.id)))

    def send(self, message: ToWorker) -> None:
        """Post a message with the others of this moment."""
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(message)

    async def hear(self, news: Iterable[bytes]) -> bool:
        """Take frames in; whether they say that the worker is through. Its calls are in the journal before anything
        else happens. Raises what broke the worker."""
        self.heard, messages = True, [loaded(frame) for frame in news]
        await self._journal.take([message for message in messages if isinstance(message, Call)])
        for message in messages:
            self._take(message)
        return self.through

    def _take(self, message: ToDriver) -> None:
        match message:
            case Want():
                self._asked[message.id] = asyncio.ensure_future(self._lend(message))
            case Settle(id, usd) if id in self._lent:  # else it was heard before
                self._ledger.settle(self._lent.pop(id), usd)
            case Free(id) if id in self._asked:
                self._asked[id].cancel()
            case Free(id) if id in self._lent:
                self._ledger.free(self._lent.pop(id))
            case Keep(id) if id in self._lent:
                self._ledger.keep(self._lent.pop(id))
            case Done():
                self._does(message)
            case Stopped(id, failure):
                job = self.jobs.pop(id, None)
                if job and not job.done.done():
                    job.done.set_exception(failure.error)
            case Line(text):
                self._say(text)
            case Broken(failure):
                raise failure.error
            case Bye():
                self.through = True

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

    async def _lend(self, want: Want) -> None:
        refusal = None
        try:
            self._lent[want.id] = await self._ledger.reserve(want.alias, want.usd, want.calls)
        except (BudgetReached, UserError) as error:
            refusal = Failure.of(error)
        finally:
            del self._asked[want.id]
        self.send(Grant(want.id, refusal))

    def _does(self, message: Done) -> None:
        job = self.jobs.pop(message.id, None)
        if job is None:
            return
        for alias, counted in message.tallies.items():
            tally = self._journal.tallies[alias]
            for name, value in counted.items():
                setattr(tally, name, getattr(tally, name) + value)
        if not job.done.done():
            job.done.set_result((message.kept, message.failed))
