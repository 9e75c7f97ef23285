"""What driver and workers tell each other: one type a message, and how each stands in a log."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from programs.core.candidate import Source
from seedbed.errors import BudgetReached, TeacherDown, UserError
from seedbed.runs.outcome import KeptOutcome
from seedbed.storage.call import Call


class Failure(NamedTuple):
    """What stops a run: the error's kind, its sentence and its hint. Of a mistake in the code, its traceback."""

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
        """The error again; a RuntimeError for a mistake in the code."""
        if self.kind == "BudgetReached":
            return BudgetReached(self.sentence)
        if self.kind == "RuntimeError":
            return RuntimeError(f"a worker failed:\n{self.sentence}")
        return {"UserError": UserError, "TeacherDown": TeacherDown}[self.kind](self.sentence, hint=self.hint)


class Try(NamedTuple):
    """To a worker: try this source. `calls` were made for it before."""

    id: str
    source: Source
    calls: Sequence[Call]


class Grant(NamedTuple):
    """To a worker: what it wanted under this id is reserved, or why it is not."""

    id: int
    refusal: Failure | None


class Stop(NamedTuple):
    """To a worker: give up what is under way, and say `Bye`."""


class Want(NamedTuple):
    """Reserve the most that calls can cost, dollars; None where that is unknown."""

    id: int
    alias: str
    usd: float | None
    calls: int


class Settle(NamedTuple):
    """The reply came and cost this much, dollars; None where that is unknown."""

    id: int
    usd: float | None


class Free(NamedTuple):
    """The call certainly cost nothing."""

    id: int


class Keep(NamedTuple):
    """The call brought no reply and may have cost all of it."""

    id: int


class Done(NamedTuple):
    """What came of a source. `failed`: a call for it did not come through. `tallies`: what was counted since the last
    one, by alias, the values of a `Tally` by name."""

    id: str
    kept: KeptOutcome
    failed: bool
    tallies: dict[str, dict[str, float]]


class Stopped(NamedTuple):
    """A source came to no end."""

    id: str
    failure: Failure


class Line(NamedTuple):
    """Something for people to read."""

    text: str


class Broken(NamedTuple):
    """The worker can do no more."""

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
    """A value as JSON takes it."""
    if isinstance(value, bytes):
        return value.decode()
    return [*value] if isinstance(value, Failure) else value
