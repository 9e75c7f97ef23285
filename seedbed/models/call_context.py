"""What the engines know of the call in hand, beside its request: one typed object in DSPy's settings."""

import collections
import contextlib
import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import dspy

from programs.core.row import Candidate
from seedbed.storage.usage import Tally


class ScopedCall(NamedTuple):
    """A call of an attempt: its key in the journal, the name of the signature that was asked, and the candidate it was
    made for; None where it serves several."""

    key: str
    signature: str
    candidate: Candidate | None


class Scope:
    """The candidate a call is made for: two candidates at temperature above 0 never share a reply.

    It collects the `calls` of the attempt, what they took (`tallies` by alias), and `stood_in`, the aliases of models
    that answered in the place of others.
    """

    def __init__(self, id: str, draw: int = 0) -> None:
        self.id, self.draw = id, draw
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.calls, self.stood_in = list[ScopedCall](), set[str]()
        self._requests: collections.Counter[str] = collections.Counter()

    @property
    def keys(self) -> list[str]:
        """The calls' keys in the journal."""
        return [call.key for call in self.calls]

    def tokens(self) -> tuple[int, int]:
        """Tokens (read, written) by all models, replayed calls included."""
        tallies = self.tallies.values()
        return sum(tally.input_tokens for tally in tallies), sum(tally.output_tokens for tally in tallies)

    def occurrence(self, key: str) -> int:
        """How often this very request was made for this candidate before: 0, 1, 2, ..."""
        self._requests[key] += 1
        return self._requests[key] - 1

    @contextlib.contextmanager
    def open(self) -> Iterator["Scope"]:
        """Make the calls inside this block calls of this candidate."""
        with calling(scope=self, draw=self.draw):
            yield self


@dataclasses.dataclass(frozen=True)
class CallContext:
    """Attributes:
    scope: the candidate the call is made for; None outside of a run. draw: the number of the reply, where one request
    is answered several times. key: the call's key in the journal, by which a batch knows it. waits: collects the
    seconds in which the call waited for another model's turn.
    """

    scope: Scope | None = None
    draw: int = 0
    key: str = ""
    waits: list[float] | None = None


_NONE = CallContext()


def call_context() -> CallContext:
    """The context of the call in hand; without any, the defaults."""
    current: CallContext = dspy.settings.get("call", _NONE)
    return current


def calling(**changes: Any) -> AbstractContextManager[None]:
    """The context in which these attributes of calls are others."""
    context: AbstractContextManager[None] = dspy.context(call=dataclasses.replace(call_context(), **changes))
    return context
