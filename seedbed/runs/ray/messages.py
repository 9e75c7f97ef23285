"""The messages between driver and workers: one type for each, and its form in a log."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from programs.core.row import Source
from seedbed.errors import BudgetReached, TeacherDown, UserError
from seedbed.runs.outcome import KeptOutcome
from seedbed.storage.call import Call


class Failure(NamedTuple):
    """An error that stops a run: its kind, its sentence and its hint. For a bug, its traceback."""

    kind: str
    sentence: str
    hint: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The message about an error."""
        if isinstance(error, UserError | TeacherDown | BudgetReached):
            return cls(type(error).__name__, str(error), error.hint)
        import traceback

        return cls("RuntimeError", "".join(traceback.format_exception(error)), "")

    @property
    def error(self) -> BaseException:
        """The error again; a RuntimeError for a bug."""
        if self.kind == "BudgetReached":
            return BudgetReached(self.sentence)
        if self.kind == "RuntimeError":
            return RuntimeError(f"a worker failed:\n{self.sentence}")
        return {"UserError": UserError, "TeacherDown": TeacherDown}[self.kind](self.sentence, hint=self.hint)


class Try(NamedTuple):
    """To a worker: try this source. `calls` are those already made for it."""

    id: str
    source: Source
    calls: Sequence[Call]


class Grant(NamedTuple):
    """To a worker: its `Want` with this id is granted, or the reason why it is not."""

    id: int
    refusal: Failure | None


class Stop(NamedTuple):
    """To a worker: cancel unfinished work, and answer `Bye`."""


class Want(NamedTuple):
    """Reserve the highest cost of calls, in dollars; None if it is unknown."""

    id: int
    alias: str
    usd: float | None
    calls: int


class Settle(NamedTuple):
    """The reply came and cost this much, in dollars; None if that is unknown."""

    id: int
    usd: float | None


class Free(NamedTuple):
    """The call certainly cost nothing."""

    id: int


class Keep(NamedTuple):
    """The call brought no reply and may have cost the whole reservation."""

    id: int


class Done(NamedTuple):
    """The outcome of a source. `failed`: one of its calls failed. `tallies`: by alias, the counts since the last
    message, the values of a `Tally` by name."""

    id: str
    record: KeptOutcome
    failed: bool
    tallies: dict[str, dict[str, float]]


class Stopped(NamedTuple):
    """A source was not finished."""

    id: str
    failure: Failure


class Line(NamedTuple):
    """A line for people."""

    text: str


class Broken(NamedTuple):
    """The worker cannot continue."""

    failure: Failure


class Bye(NamedTuple):
    """The worker's last message."""


ToWorker = Try | Grant | Stop
ToDriver = Call | Want | Settle | Free | Keep | Done | Stopped | Line | Broken | Bye
_KINDS: dict[str, Any] = {
    "call": Call,
    "want": Want,
    "settle": Settle,
    "free": Free,
    "keep": Keep,
    "done": Done,
    "stopped": Stopped,
    "say": Line,
    "broken": Broken,
    "bye": Bye,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dumped(message: ToDriver) -> bytes:
    """A message to the driver as a JSON list: its kind, then its values."""
    return orjson.dumps([_NAMES[type(message)], *map(_plain, message)])


def loaded(frame: bytes) -> ToDriver:
    """The message of a frame."""
    name, *values = orjson.loads(frame)
    if name == "call":
        key, alias, scope, request, response, *counts = values
        values = [key, alias, scope, request.encode(), response.encode(), *counts]
    if name in ("stopped", "broken"):
        values[-1] = Failure(*values[-1])
    message: ToDriver = _KINDS[name](*values)
    return message


def _plain(value: Any) -> Any:
    """A value in a form that JSON has."""
    if isinstance(value, bytes):
        return value.decode()
    return [*value] if isinstance(value, Failure) else value
