"""A worker: a process, here or on another machine, that runs programs on the sources it is sent."""

import asyncio
import collections
import contextlib
import contextvars
import dataclasses
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import dspy
from dspy import lm15

from metrics.band import Alone
from metrics.calibration.fit import Fitted
from metrics.checks.manner import Manner
from metrics.metric import Metric
from programs.core.candidate import Source
from programs.core.program import background_loop
from programs.judges.judge import Judge
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.config.sections import RunSettings
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.attempt import Attempts
from seedbed.runs.gc_tuning import calm
from seedbed.runs.ray.worker_ledger import WorkerLedger, packed
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.journal import Call, Journal, Tally, Timed, call, timed
from seedbed.storage.ledger import Ledger

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

    async def open(self) -> list[str] | None:
        """Open the models. What stands in the way, as `packed` has it: no constructor could tell."""
        try:
            self._context = await asyncio.to_thread(self._opened)
        except Exception as error:
            return packed(error)
        return None

    async def post(self, messages: Sequence[Sequence[Any]]) -> None:
        """Take messages: `job ID SOURCE CALLS`, `lease ID REFUSAL`, `stop`."""
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
    """The work of a worker: attempts under way, the calls known to each, and money lent. Used on the background loop.

    Its log says `call ...` (a line of the journal), `want ID ALIAS USD CALLS`, `settle ID USD`, `free ID`, `keep ID`,
    `done ID KEPT FAILED TALLIES`, `stopped ID ERROR`, `say LINE`, `broken ERROR` and, last, `bye`.
    """

    def __init__(self, brief: Brief, log: Log) -> None:
        self.log, self._tasks = log, set[asyncio.Task[None]]()
        self._session = WorkerSession(brief, log)
        self._session.__enter__()
        metric = Metric(
            self._session.project.recipe,
            self._session.embed,
            self._session.project.bars,
            fitted=brief.fitted,
            alone=brief.alone,
            judges=brief.judges,
            shown=brief.shown,
            entail=self._session.entail,
            manner=brief.manner,
        )
        if metric.hash != brief.hash:
            raise UserError("A worker has another version of seedbed.", hint="Install the same one on every machine.")
        self._attempts = Attempts(self._session, brief.cascade, metric, setup="")

    async def take(self, messages: Iterable[Sequence[Any]]) -> None:
        """Begin what is told; see `Worker.post`."""
        for kind, *told in messages:
            if kind == "lease":
                self._session.lease.grant(*told)
                continue
            task = asyncio.ensure_future(self._attempt(*told) if kind == "job" else self._stop())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attempt(self, id: str, source: Source, known: Iterable[Call]) -> None:
        journal = self._session.calls
        journal.begin(id, known)
        try:
            outcome, kept = await self._attempts.tried(id, source)
            self.log.append("done", id, kept, outcome.failed, journal.taken())
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # what stops a run stops it at the driver
            self.log.append("stopped", id, packed(error))
        finally:
            journal.end(id)

    async def _stop(self) -> None:
        """Give up what is under way, so that it is known what it cost."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.log.append("bye")


class WorkerSession(Session):
    """A session whose calls are kept in a log, and whose money is lent."""

    def __init__(self, brief: Brief, log: Log) -> None:
        self.calls, self.lease = WorkerJournal(log), WorkerLedger(log, counts_calls=brief.counts_calls)
        project = Project(brief.config, brief.base)
        super().__init__(project, log.path, history=False, say=lambda line: log.tell("say", line))

    def _books(self, path: Path, caps: RunSettings | None, opening: contextlib.ExitStack) -> tuple[Journal, Ledger]:
        return self.calls, self.lease


class WorkerJournal(Journal):
    """The journal as the attempts of a worker need it: it knows the calls that came with their sources and those they
    make, each as long as its attempt lasts, and keeps in the log what is new. The rest of a journal is the driver's."""

    def __init__(self, log: Log) -> None:
        self.path, self.notes, self._log = log.path, [], log
        self.tallies = collections.defaultdict(Tally)
        self._known: dict[str, dict[str, Timed]] = {}

    def begin(self, id: str, known: Iterable[Call]) -> None:
        """An attempt begins, of which these calls were made before."""
        self._known[id] = {one[0]: reply for one in known if (reply := timed(one))}

    def end(self, id: str) -> None:
        """It is over."""
        del self._known[id]

    def taken(self) -> dict[str, Tally]:
        """What was counted since this was last asked."""
        taken, self.tallies = self.tallies, collections.defaultdict(Tally)
        return taken

    def get(self, key: str) -> Timed | None:
        scope = dspy.settings.get("scope")
        return self._known[scope.id].get(key) if scope else None

    async def put(
        self, key: str, alias: str, request: bytes, response: lm15.Response, seconds: float, work: float
    ) -> None:
        made = call(key, alias, request, response, seconds, work)
        self._log.append("call", *(one.decode() if isinstance(one, bytes) else one for one in made))
        if scope := dspy.settings.get("scope"):
            self._known[scope.id][key] = response, work
