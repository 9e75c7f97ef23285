"""A worker: a process, on this or another machine, that runs programs on the sources it receives."""

import asyncio
import collections
import contextvars
import dataclasses
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson

from metrics.band import Alone
from metrics.calibration.fit import Fitted
from metrics.checks.manner import Manner
from metrics.metric import Metric
from programs.core.background import background_loop
from programs.judges.judge import Judge
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.models.call_context import call_context
from seedbed.project.project import Project
from seedbed.project.session import OpenModels
from seedbed.runs.attempt import Trials
from seedbed.runs.gc_tuning import calm
from seedbed.runs.ray.messages import Bye, Done, Failure, Grant, Line, Stop, Stopped, ToWorker, Try
from seedbed.runs.ray.worker_ledger import WorkerLedger
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.call import Call, Timed
from seedbed.storage.usage import Tally

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Brief:
    """The settings of a worker: the programs and the metric of the driver, and a config with its own share of the
    limits. `hash` is the metric's; it shows whether a worker has another version. Contains no key."""

    config: Config
    base: Path
    cascade: Sequence[TeacherProgram]
    fitted: Fitted
    alone: Alone | None
    judges: Sequence[Judge]
    shown: Sequence[str]
    manner: Manner
    hash: str
    counts_calls: bool


class Worker:
    """The class of the Ray actor. Messages come in by `post` and go out by `news`. All work runs on the background
    loop, where the engines are; Ray's own loop only waits for it."""

    def __init__(self, brief: Brief, log: Path) -> None:
        self._brief, self._path = brief, log

    async def open(self) -> Failure | None:
        """Open the models. Returns the failure if that is not possible; a constructor could not return it."""
        try:
            self._context = await asyncio.to_thread(self._opened)
        except Exception as error:
            return Failure.of(error)
        return None

    async def post(self, messages: Sequence[ToWorker]) -> None:
        """Handle messages."""
        await self._on_loop(self._desk.take(messages))

    async def news(self) -> list[bytes]:
        """The frames of the log since the last call; waits for one. Frames from earlier calls may be deleted."""
        return await self._on_loop(self._desk.log.news())

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(self._context.run(asyncio.run_coroutine_threadsafe, work, background_loop()))

    def _opened(self) -> contextvars.Context:
        """The context with open models, for the lifetime of the process."""
        calm().__enter__()
        self._desk = Desk(self._brief, Log(self._path))
        return contextvars.copy_context()


class Desk:
    """The work of a worker: unfinished attempts, the known calls of each, and reserved money. Used on the background
    loop. Its log holds the messages to the driver."""

    def __init__(self, brief: Brief, log: Log) -> None:
        self.log, self._tasks = log, set[asyncio.Task[None]]()
        self._journal, self._ledger = WorkerJournal(log), WorkerLedger(log, counts_calls=brief.counts_calls)
        models = OpenModels(
            Project(brief.config, brief.base),
            self._journal,
            self._ledger,
            history=False,
            say=lambda text: log.tell(Line(text)),
        )
        models.__enter__()
        metric = Metric(
            models.project.recipe,
            models.embed,
            models.project.bars,
            fitted=brief.fitted,
            alone=brief.alone,
            judges=brief.judges,
            shown=brief.shown,
            entail=models.entail,
            manner=brief.manner,
        )
        if metric.hash != brief.hash:
            raise UserError("A worker has another version of seedbed.", hint="Install the same one on every machine.")
        self._trials = Trials(models, brief.cascade, metric)

    async def take(self, messages: Iterable[ToWorker]) -> None:
        """Start the work that the driver asks for."""
        for message in messages:
            if isinstance(message, Grant):
                self._ledger.grant(message)
                continue
            task = asyncio.ensure_future(self._stop() if isinstance(message, Stop) else self._try(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _try(self, message: Try) -> None:
        self._journal.begin(message.id, message.calls)
        try:
            outcome, record = await self._trials.tried(message.id, message.source)
            self.log.append(Done(message.id, record, outcome.failed, self._journal.counted()))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the driver stops the run
            self.log.append(Stopped(message.id, Failure.of(error)))
        finally:
            self._journal.end(message.id)

    async def _stop(self) -> None:
        """Cancel unfinished work, so that its cost is known."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.log.append(Bye())


class WorkerJournal:
    """A `ReplyStore` of the calls that came with their sources and of those made here, each until its attempt ends. New
    calls go into the log; the driver copies them into the run's journal."""

    def __init__(self, log: Log) -> None:
        self._log, self._calls = log, dict[str, dict[str, Call]]()
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)

    def begin(self, id: str, calls: Iterable[Call]) -> None:
        """Record that an attempt begins; these of its calls were made before."""
        self._calls[id] = {call.key: call for call in calls}

    def end(self, id: str) -> None:
        """Record that the attempt is over."""
        del self._calls[id]

    def counted(self) -> dict[str, dict[str, float]]:
        """The counts since the last call, by alias."""
        tallies, self.tallies = self.tallies, collections.defaultdict(Tally)
        return {alias: dataclasses.asdict(tally) for alias, tally in tallies.items()}

    def get(self, key: str) -> Timed | None:
        call = self._call(key)
        return call.reply if call else None

    async def put(self, call: Call) -> None:
        self._log.append(call)
        if call.scope:
            self._calls[call.scope][call.key] = call

    def made(self, keys: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        calls = filter(None, map(self._call, keys))
        return [(orjson.loads(call.request), orjson.loads(call.response)) for call in calls]

    def _call(self, key: str) -> Call | None:
        scope = call_context().scope
        return self._calls[scope.id].get(key) if scope else None
