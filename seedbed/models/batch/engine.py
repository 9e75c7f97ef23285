"""The engine of `run.mode: batch`: the calls of all rows that wait at the same moment go to the provider as one job."""

import asyncio
import contextlib
import itertools
from typing import NamedTuple

import orjson
from dspy import lm15

from seedbed.dspy_internals import request_to_dict, response_from_dict
from seedbed.errors import UserError
from seedbed.models.batch.barrier import Waves
from seedbed.models.batch.job_store import GARBLED, Wave, WaveBook
from seedbed.models.batch.provider_jobs import CERTAIN, BatchService, Sighting, pauses
from seedbed.models.call_context import call_context, calling
from seedbed.models.engines.engine import Engine, Wrapped
from seedbed.terminal import Say

TRIES = 2  # waves that may carry a call before it goes online
CALLS = 1000  # calls that may wait at once; a run sets its number of live rows by it
LANDING = 30.0  # seconds until a sent job must appear in the provider's list


class Unanswered(lm15.InvalidRequestError):
    """The job did not answer this call, or no job can carry it; it cost nothing."""


class Unreadable(lm15.ProviderError):
    """The job answered this call, so it is paid, but the answer cannot be read."""


class _Call(NamedTuple):
    request: lm15.Request
    wave: asyncio.Future[str]  # the id of the wave that carries it


class BatchEngine(Wrapped):
    """In `complete`, waits until the wave that carries the call is answered.

    A wave is written into the book before it is sent, and its job's id after. A call's name is `CallContext.key`, its
    key in the journal. So after a restart a row that makes the same call finds the wave that carries it, and waits for
    that wave. `complete` raises Unanswered or Unreadable if the wave brought no reply; to go into another wave the call
    needs another name. If a provider accepts no job now, the engine tries until it does.
    Memory grows with the calls that wait at one moment, that is with the run's live rows, not with the dataset.

    Args:
        online: the same model without a batch; its attributes are copied, and it is not called.
        service: sends waves. book: records them. waves: the run's rows.
        say: receives the state of each job.
    """

    def __init__(self, online: Engine, service: BatchService, book: WaveBook, waves: Waves, say: Say) -> None:
        super().__init__(online)
        self.continues, self.concurrency = False, CALLS
        self._service, self._book, self._waves, self._say = service, book, waves, say
        self._gathered: dict[str, _Call] = {}
        self._bytes = 0
        self._watch: asyncio.Task[None] | None = None  # sends the gathered calls once every row waits
        self._settling: dict[str, asyncio.Task[bool]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if self._service.carries(request):
            with self._waves.waits():
                reply = await self._batched(call_context().key, request)
            if reply == GARBLED:
                raise Unreadable("the batch service's answer to it cannot be read")
            if reply:
                return response_from_dict(orjson.loads(reply))
        raise Unanswered("no job answered it", status=422)

    async def aclose(self) -> None:
        """Stop waiting. Jobs continue at the provider, and the next start resumes them."""
        tasks = {*self._settling.values(), *self._sending, *([self._watch] if self._watch else [])}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._service.aclose()

    async def _batched(self, key: str, request: lm15.Request) -> bytes:
        """The reply that the wave brought for the call."""
        while True:
            wave = next(reversed(self._book.carried(key)), None) or await self._carry(key, request)
            if (reply := self._book.reply(key, wave)) is not None:
                return reply
            if await self._settled(wave):
                return self._book.reply(key, wave) or b""

    async def _carry(self, key: str, request: lm15.Request) -> str:
        """Wait until a wave carries the call; the id of that wave."""
        size = len(orjson.dumps(request_to_dict(request)))
        limit = self._service.limit
        if len(self._gathered) == limit.requests or self._bytes + size > limit.bytes:
            self._send()
        call = self._gathered[key] = _Call(request, asyncio.get_running_loop().create_future())
        self._bytes += size
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._send_when_still())
        try:
            return await call.wave
        except asyncio.CancelledError as error:
            vars(error)["unsent"] = self._gathered.get(key) is call
            raise

    async def _send_when_still(self) -> None:
        await self._waves.still()
        self._send()

    def _send(self) -> None:
        # a call with a wave that is done belongs to a cancelled row
        calls = {key: call for key, call in self._gathered.items() if not call.wave.done()}
        self._gathered, self._bytes = {}, 0
        if calls:
            task = asyncio.create_task(self._submit(calls))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _submit(self, calls: dict[str, _Call]) -> None:
        try:
            wave = await self._book.open(list(calls))
            await self._send_wave(wave, [call.request for call in calls.values()])
        except Exception as error:
            for call in calls.values():
                if not call.wave.done():
                    call.wave.set_exception(error)
        else:
            for call in calls.values():
                if not call.wave.done():
                    call.wave.set_result(wave.id)

    async def _send_wave(self, wave: Wave, requests: list[lm15.Request]) -> None:
        """Send a wave and record its job. Raises the error if the provider certainly did not accept it; if that is
        unknown, the job is searched for when its replies are needed."""
        try:
            job = await self._service.submit(requests, wave.label, self._say)
        except CERTAIN:
            await self._book.forget(wave.id)
            raise
        except lm15.LM15Error as error:
            self._say(f"batch wave {wave.id}: {str(error).splitlines()[0]}; looking for it at the provider")
            return
        await self._book.ticket(wave.id, job)
        self._say(f"batch {job}: {wave.size} calls sent, wave {wave.id}")

    async def _settled(self, wave: str) -> bool:
        """Wait until the book holds the replies of a wave; False if the wave was never sent."""
        if wave not in self._settling:
            self._settling[wave] = asyncio.create_task(self._settle(wave))
            self._settling[wave].add_done_callback(lambda _: self._settling.pop(wave))
        return await asyncio.shield(self._settling[wave])

    async def _settle(self, id: str) -> bool:
        wave = self._book.wave(id)
        if wave and not wave.job and self._sending:  # it may be on its way: a cancelled row asks for it again
            await asyncio.wait(self._sending)
            wave = self._book.wave(id)
        if wave is None:
            return False
        job = wave.job or await self._look_for(wave)
        if job:
            await self._book.keep(wave.id, await self._replies(wave, job))
        else:
            await self._book.forget(wave.id)
        return job is not None

    async def _replies(self, wave: Wave, job: str) -> list[bytes]:
        """The replies of the job. If it was fetched before and one reply changed on the disk, it is fetched again; if
        the provider no longer has it, the other replies are used."""
        try:
            return await self._service.replies(wave, job, self._say)
        except UserError:
            if (stored := self._book.replies(wave.id)) is None:
                raise
            self._say(
                f"batch {job}: some of its replies changed on the disk and cannot be fetched again; "
                "these calls are sent again"
            )
            return stored

    async def _look_for(self, wave: Wave) -> str | None:
        """The job of a wave that has no recorded job; None if it was certainly never sent.

        Raises UserError if this is unknown: a person can look, and paying twice cannot be undone."""
        sighting = await self._sight(wave)
        if sighting.job:
            await self._book.ticket(wave.id, sighting.job)
            self._say(f"batch {sighting.job}: found again as wave {wave.id}")
        elif sighting.maybe or not sighting.all_seen:
            raise _ask(wave, self._service.provider, sighting.maybe)
        return sighting.job

    async def _sight(self, wave: Wave) -> Sighting:
        """The provider's information about a wave, once a late job would be listed and no job is still undecided."""
        for attempt, pause in enumerate(itertools.chain([LANDING], pauses())):
            sighting = await self._service.sight(wave, self._book.jobs(), self._say)
            if sighting.job or (attempt and not sighting.pending):
                return sighting
            if attempt:
                jobs = " or ".join(sighting.pending)
                self._say(
                    f"batch wave {wave.id}: it may be {jobs}, not decided yet; "
                    f"to settle it: --batch-job {wave.id}=none or =JOB_ID"
                )
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")


class BatchThenOnline(Wrapped):
    """Sends a call in up to `TRIES` waves of a batch engine, then to the same model online. Either engine may have its
    own `Budgeted` layer. Every wave costs money, so each try has its own name in the ledger and in the book."""

    def __init__(self, batch: Engine, online: Engine, say: Say) -> None:
        super().__init__(batch)
        self.online, self._say, self._has_told = online, say, False

    async def complete(self, request: lm15.Request) -> lm15.Response:
        call = call_context().key
        for name in (call, *(f"{call}/{wave}" for wave in range(2, TRIES + 1))):
            with contextlib.suppress(Unanswered, Unreadable), calling(key=name):
                return await self.engine.complete(request)
        if not self._has_told:
            self._has_told = True
            self._say("batch: calls that no job answered are sent online, at the full price")
        return await self.online.complete(request)

    async def aclose(self) -> None:
        await self.engine.aclose()
        await self.online.aclose()


def _ask(wave: Wave, provider: str, jobs: list[str]) -> UserError:
    findings = f"it may be {' or '.join(jobs)}" if jobs else "its list of jobs does not reach back that far"
    return UserError(
        f"Wave {wave.id} ({wave.size} calls) was about to be sent when the run stopped, and {provider} cannot tell "
        f"whether it was: {findings}.",
        hint=f"Look in the provider's console for a batch of {wave.size} requests, then run again with "
        f"--batch-job {wave.id}=JOB_ID, or with --batch-job {wave.id}=none if there is none.",
    )
