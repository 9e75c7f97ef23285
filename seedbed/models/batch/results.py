"""Reads the results of a provider's batch job one call at a time: lm15 reads all of them or none."""

import json
from typing import Any, NamedTuple

from dspy import lm15

from seedbed.models.engines.engine import loaded

_MISSHAPEN = (lm15.LM15Error, ValueError, TypeError, LookupError, AttributeError)


class Result(NamedTuple):
    """The result of one call: its name (empty if the result has none), whether the provider answered it, and so it was
    paid for, and the reply; None if there is none or it cannot be read."""

    name: str
    answered: bool
    response: lm15.Response | None


async def results(lm: Any, job: str) -> list[Result]:
    """All results of a finished job, in any order. Raises lm15's errors if the results cannot be fetched."""
    body, inner = (await lm.batch_status(job)).provider_data or {}, lm._inner
    inline = (body.get("response") or {}).get("inlinedResponses") or {}  # Gemini; the others keep files of lines
    answers = [_inline(inner, row, place) for place, row in enumerate(inline.get("inlinedResponses", []))]
    for fetch in await lm._build(inner._batch_result_fetches, body):
        reply = await lm._send(fetch)
        if reply.status >= 400:
            raise inner._http_error(reply)
        lines = reply.body.split(b"\n")
        answers += [_line(inner, line) for line in lines if line.strip()]
    return answers


def _inline(inner: Any, row: dict[str, Any], place: int) -> Result:
    name = str((row.get("metadata") or {}).get("key", place))
    return Result(name, *_read(inner, {"response": {"inlinedResponses": [row]}}))


def _line(inner: Any, line: bytes) -> Result:
    try:
        row = loaded(line)
        name = str(row["custom_id"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return Result("", True, None)
    # lm15 needs a number here and adds an entry for every smaller number; it also splits lines at U+2028
    return Result(name, *_read(inner, {}, json.dumps({**row, "custom_id": "0"})))


def _read(inner: Any, body: dict[str, Any], *lines: str) -> tuple[bool, lm15.Response | None]:
    try:
        entry = inner._batch_entries(body, lines)[0]
    except _MISSHAPEN:  # lm15 can read every kind of failure, so this must be an answer
        return True, None
    return entry.ok, entry.response
