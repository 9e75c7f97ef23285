"""A worker: a process, here or on another machine, that runs programs on the sources it is sent."""

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
from programs.core.program import background_loop
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
    """What a worker must know: the programs and the metric as the driver has them, and a config with its own share of
    the limits. `hash` is the metric's, by which a worker of another version is found out. Holds no key."""

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
    """What Ray makes an actor of. Messages come in by `post`, news go out by `news`; all work is done on the
    background loop, where engines live, and Ray's own loop only waits for it."""

    def __init__(self, brief: Brief, log: Path) -> None:
        self._brief, self._path = brief, log

    async def open(self) -> Failure | None:
        """Open the models; what stands in the way, which no constructor could tell."""
        try:
            self._context = await asyncio.to_thread(self._opened)
        except Exception as error:
            return Failure.of(error)
        return None

    async def post(self, messages: Sequence[ToWorker]) -> None:
        """Take messages."""
        await self._there(self._desk.take(messages))

    async def news(self) -> list[bytes]:
        """The frames of the log since the last time; waits for one. What was given before may be forgotten."""
        return await self._there(self._desk.log.news())

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(self._context.run(asyncio.run_coroutine_threadsafe, work, background_loop()))

    def _opened(self) -> contextvars.Context:
        """The context in which the models are switched on, for as long as the process lives."""
        calm().__enter__()
        self._desk = Desk(self._brief, Log(self._path))
        return contextvars.copy_context()


class Desk:
    """The work of a worker: attempts under way, the calls known to each, and money reserved. Used on the background
    loop. Its log holds what it tells the driver."""

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
        """Begin what the driver asks for."""
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
            outcome, kept = await self._trials.tried(message.id, message.source)
            self.log.append(Done(message.id, kept, outcome.failed, self._journal.taken()))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # what stops a run stops it at the driver
            self.log.append(Stopped(message.id, Failure.of(error)))
        finally:
            self._journal.end(message.id)

    async def _stop(self) -> None:
        """Give up what is under way, so that it is known what it cost."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.log.append(Bye())


class WorkerJournal:
    """A `ReplyStore` of the calls that came with their sources and of those made here, each as long as its attempt
    lasts. New calls go into the log; the driver takes them into the run's journal."""

    def __init__(self, log: Log) -> None:
        self.path, self.notes, self._log = log.path, list[str](), log
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self._calls: dict[str, dict[str, Call]] = {}

    def begin(self, id: str, calls: Iterable[Call]) -> None:
        """An attempt begins, of which these calls were made before."""
        self._calls[id] = {call.key: call for call in calls}

    def end(self, id: str) -> None:
        """The attempt is over."""
        del self._calls[id]

    def taken(self) -> dict[str, dict[str, float]]:
        """What was counted since this was last asked, by alias."""
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
