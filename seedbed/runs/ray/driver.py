"""`run: {engine: ray, workers: K}`: K workers try the sources of a run, on this machine or on a Ray cluster."""

import asyncio
import collections
import contextlib
import math
import os
import secrets
import socket
from collections.abc import Awaitable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from metrics.metric import Metric
from programs.core.row import Source
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.models.engines.embedded import check_memory
from seedbed.models.prices import in_use
from seedbed.models.shelf import machine
from seedbed.project.session import Session
from seedbed.runs.attempt import LIVE, Attempts
from seedbed.runs.outcome import KeptOutcome, Outcome
from seedbed.runs.ray.messages import Stop, ToWorker, loaded
from seedbed.runs.ray.worker import Brief, Worker
from seedbed.runs.ray.worker_handle import Job, Member
from seedbed.runs.ray.worker_log import read_log
from seedbed.storage.call import Call
from seedbed.terminal import Say

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports each start over the network
try:
    import ray
    from ray.exceptions import RayActorError
except ImportError as error:
    raise UserError("run.engine: ray needs Ray, which is not installed.", hint='pip install "seedbed[ray]"') from error

STORE = 128 << 20  # bytes of shared memory for an embedded Ray; messages are small
DEATHS = 3  # deaths of workers without any report after which the run stops
SLOW = 60.0  # seconds in which a worker should start
LAST_MESSAGES = 5.0  # seconds that workers have to report their unfinished work when the run ends


class RemoteAttempts(Attempts):
    """Attempts made by workers. Only the driver, this process, owns order, journal and ledger.

    The driver sends sources to a worker, with the calls already made for them. The worker reports in one stream, its
    log: what it paid, what it wants to reserve, and each outcome. If it dies, its log is read, its sources go to other
    workers with room, and a new worker replaces it.

    Args:
        folder: for the workers' logs, with the same path on every machine; removed at the end.
        say: receives a line for events of workers and models.

    Raises UserError if Ray is not available, or the config's limits cannot be divided among the workers.
    """

    def __init__(
        self, session: Session, cascade: Sequence[TeacherProgram], metric: Metric, setup: str, *, folder: Path, say: Say
    ) -> None:
        super().__init__(session, cascade, metric, setup)
        self.folder, self._say, config = folder, say, session.project.config
        self._workers = config.run.workers
        _check(config)
        self._jobs_per_worker = math.ceil(LIVE * self.slots / self._workers)  # sources that one worker has at once
        self._owns_ray, self._actor = join(self._workers), ray.remote(Worker).options(num_cpus=1)
        self._is_local = self._owns_ray and "RAY_ADDRESS" not in os.environ  # the workers are on this machine
        if self._is_local:
            embedded = [entry for alias in in_use(config) if (entry := config.models[alias]).is_embedded]
            check_memory(embedded, session.project.base, copies=self._workers)
        self._briefs = [self._brief(number) for number in range(self._workers)]
        self._jobs, self._posts = set[Job](), set[asyncio.Task[None]]()
        self._queue, self._members = collections.deque[Job](), dict[int, Member]()  # the working ones, by number
        self._keepers = dict[int, asyncio.Task[None]]()
        self._open: asyncio.Future[None] | None = None
        self._broken: Exception | None = None
        self._silent_deaths = 0  # workers that died before any report

    async def tried(self, id: str, source: Source) -> tuple[Outcome, KeptOutcome]:
        self._open = self._open or asyncio.ensure_future(self._start())
        await asyncio.shield(self._open)
        if self._broken:
            raise self._broken
        known_keys = {call.key for call in self.session.journal.made_for(id)}
        job = Job(id, source, asyncio.get_running_loop().create_future())
        self._jobs.add(job)
        self._queue.append(job)
        self._assign()
        try:
            record, failed = await job.done
        finally:
            self._jobs.discard(job)
        self._assign()
        outcome = self.read(id, source, record)
        outcome.failed = failed
        outcome.paid = failed or any(key not in known_keys for key, *_ in record["calls"])
        return outcome, record

    async def aclose(self) -> None:
        """Stop the workers after they have reported their unfinished work."""
        if self._open:
            await self._open
        self._queue.clear()
        for member in self._members.values():
            member.send(Stop())
        if keepers := [self._keepers[number] for number in self._members]:
            await asyncio.wait(keepers, timeout=LAST_MESSAGES)
        for task in (tasks := [*self._keepers.values(), *self._posts]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        if self._owns_ray:
            await asyncio.to_thread(ray.shutdown)

    async def _start(self) -> None:
        """Read the logs that the workers of a killed invocation left, then start the workers."""
        await self.session.journal.index()
        for path in self.folder.glob("*.log"):
            messages = map(loaded, read_log(path))
            await self.session.journal.take([message for message in messages if isinstance(message, Call)])
            path.unlink()
        self._keepers = {number: asyncio.ensure_future(self._keep(number)) for number in range(self._workers)}

    def _assign(self) -> None:
        while self._queue and self._members:
            member = min(self._members.values(), key=lambda member: len(member.jobs))
            if len(member.jobs) >= self._jobs_per_worker:
                return
            member.give(self._queue.popleft())

    async def _keep(self, number: int) -> None:
        """Keep a worker with this number running. An error that stops it for good stops the run."""
        try:
            while not await self._serve(number):
                self._say(f"worker {number + 1} died; what it had under way goes to the others")
        except Exception as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        """Fail all attempts: no more can be made."""
        self._broken = error
        for job in self._jobs:
            if not job.done.done():
                job.done.set_exception(error)

    async def _serve(self, number: int) -> bool:
        """Run one worker until it ends; whether it ended because it was told to."""
        log = self.folder / f"{number}-{secrets.token_hex(4)}.log"
        actor = self._actor.remote(self._briefs[number], log)
        member = Member(partial(self._post, actor), log, self.session.journal, self.session.ledger, self._say)
        message = f"worker {number + 1} has not started after {SLOW:.0f} s: does the Ray cluster have a free CPU?"
        warning = asyncio.get_running_loop().call_later(SLOW, self._say, message)
        try:
            if failure := await actor.open.remote():
                raise failure.error
            warning.cancel()
            self._members[number] = member
            self._assign()
            while not await member.hear(await actor.news.remote()):
                self._assign()
        except RayActorError as error:
            self._silent_deaths += not member.has_reported
            if self._silent_deaths == DEATHS:
                raise UserError(
                    f"Workers die before they begin: {str(error).splitlines()[0]}",
                    hint="See the logs in /tmp/ray/session_latest/logs; too little memory is the likely cause.",
                ) from error
            return False
        finally:
            warning.cancel()
            ray.kill(actor)
            self._members.pop(number, None)
            if not member.is_finished:
                self._queue.extendleft(await member.collect())
            log.unlink(missing_ok=True)
            self._assign()
        return True

    def _post(self, actor: Any, messages: Sequence[ToWorker]) -> None:
        post = asyncio.ensure_future(self._watch_post(actor.post.remote(messages)))
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)

    async def _watch_post(self, received: Awaitable[None]) -> None:
        """Report if a worker cannot read its messages. `_serve` notices if it died."""
        try:
            await received
        except RayActorError:
            pass
        except Exception as error:
            self._break(error)

    def _brief(self, number: int) -> Any:
        project, config = self.session.project, self.session.project.config
        cores = machine.cores() if self._is_local else None
        models = {alias: share(entry, self._workers, number, cores) for alias, entry in config.models.items()}
        return ray.put(
            Brief(
                config.model_copy(update={"models": models}),
                project.base,
                self.cascade,
                self.metric.fitted,
                self.metric.alone,
                self.metric.judges,
                self.metric.shown,
                self.metric.manner,
                self.metric.hash,
                self.session.ledger.counts_calls,
            )
        )


def share(entry: ModelEntry, workers: int, number: int, cores: int | None = None) -> ModelEntry:
    """The entry with one worker's share of its limits; the shares add up to the whole. Workers on one machine also
    divide its `cores`, since each serves its own copy of an embedded model."""
    calls, remainder = divmod(entry.concurrency, workers)
    limits = {name: value / workers for name in ("rpm", "tpm") if (value := getattr(entry, name))}
    if entry.is_embedded and cores:
        limits["threads"] = max(1, (entry.threads or cores) // workers)
    return entry.model_copy(update={"concurrency": calls + (number < remainder) or 1, **limits})


def _check(config: Config) -> None:
    if config.run.mode == "batch":
        raise UserError(
            "run.mode: batch waits for the provider, not for this machine, and has one process gather its waves.",
            hint="Set run.engine: local.",
        )
    for alias in in_use(config):
        if config.models[alias].concurrency < config.run.workers:
            raise UserError(
                f"run.workers: {config.run.workers} cannot share models.{alias}.concurrency: "
                f"{config.models[alias].concurrency}.",
                hint="Set fewer workers.",
            )


def _knock(address: str) -> None:
    """Raises OSError if nothing listens at the address; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


def join(workers: int) -> bool:
    """Connect to Ray: one that this process already uses, the cluster at RAY_ADDRESS, or a new local one. Returns
    whether this call connected, so that the run must disconnect at its end."""
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "configure_logging": False}
    if address := os.environ.get("RAY_ADDRESS"):
        try:
            _knock(address)
            ray.init(address="auto", **quiet)
        except OSError as error:
            raise UserError(
                f"There is no Ray cluster at RAY_ADDRESS={address}.", hint="Start it with ray start, or unset it."
            ) from error
    else:
        ray.init(num_cpus=workers, include_dashboard=False, object_store_memory=STORE, **quiet)
    return True
