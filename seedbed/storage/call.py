"""A call that was made, as it is kept, and the contract of what keeps it."""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from dspy import lm15

from seedbed.dspy_internals import response_from_dict, response_to_dict
from seedbed.storage.usage import Tally, by_batch

Timed = tuple[lm15.Response, float]
"""A reply, and the seconds it added to the time in which its model was at work."""


class Call(NamedTuple):
    """A line of the journal's table of calls.

    `request` and `response` are JSON. `scope` is the id of the candidate the call was made for; "" for none.
    `seconds` passed from asking to hearing; `work` of them were added to the model's time at work. `crc` is the
    response's CRC-32.
    """

    key: str
    alias: str
    scope: str
    request: bytes
    response: bytes
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    work: float
    crc: int
    batch: bool

    @classmethod
    def of(
        cls, key: str, alias: str, scope: str, request: bytes, response: lm15.Response, seconds: float, work: float
    ) -> "Call":
        """The line of a reply that has just come."""
        usage, body = response.usage, orjson.dumps(response_to_dict(response))
        counts = (usage.input_tokens, usage.output_tokens, seconds, work, zlib.crc32(body), by_batch(response))
        return cls(key, alias, scope, request, body, *counts)

    @property
    def reply(self) -> Timed | None:
        """The reply; None where it changed on the disk."""
        return (reply(self.response), self.work) if zlib.crc32(self.response) == self.crc else None


def reply(response: bytes) -> lm15.Response:
    """The reply that these bytes are."""
    return response_from_dict(orjson.loads(response))


class ReplyStore(Protocol):
    """Where a session's models find and keep replies: a run's `Journal`, or the `WorkerJournal` of a Ray worker.

    `tallies` counts by alias what this process asked.
    """

    tallies: dict[str, Tally]

    def get(self, key: str) -> Timed | None:
        """The reply kept under this key."""

    async def put(self, call: Call) -> None:
        """Keep a call; it survives the kill of this process once this returns. Raises UserError where it cannot."""

    def made(self, keys: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(request, response) of the calls of these keys that are kept, in their order."""
