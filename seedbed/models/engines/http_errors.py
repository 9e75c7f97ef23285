"""What a server says instead of a completion, as lm15's errors: in its status, or in a body of status 200."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from dspy import lm15

from seedbed.terminal import readable


def refusal(status: int, raw: bytes, headers: Mapping[str, str]) -> lm15.LM15Error:
    """The error that a status, its body and its headers tell."""
    said = _readable(raw[:300].decode("utf-8", "replace")) or f"the server says {status} and no more"
    if 300 <= status < 400:
        where = _readable(headers.get("location", "")).partition("?")[0]
        return lm15.ConfigurationError(f"the server redirects to {where or 'nowhere'}", status=status)
    return _error(status, said, _retry_after(headers))


def told_within(body: Any) -> lm15.LM15Error | None:
    """The error that a body of status 200 tells instead of a completion, or of one of its choices; None for none. Its
    own code counts as its status; one without a code is the server's failure."""
    if not isinstance(body, dict):
        return None
    given = body.get("choices")
    choices = [choice for choice in given if isinstance(choice, dict)] if isinstance(given, list) else []
    error = body.get("error") or (body.get("object") == "error" and body)
    told = next((choice["error"] for choice in choices if choice.get("error")), None if choices else error)
    if not told:
        return None
    fields = told if isinstance(told, dict) else {"message": told}
    return _error(_code(fields), _words(fields) or "an error without words in a reply of status 200", None)


def _code(fields: dict[str, Any]) -> int:
    for name in ("code", "status", "status_code"):
        if _STATUS.fullmatch(told := str(fields.get(name))):
            return int(told)
    kind = f"{fields.get('type')} {fields.get('code')}".lower()
    return next((status for word, status in _NAMED if word in kind), 500)


def _words(fields: dict[str, Any]) -> str:
    """Its message, and what a gateway adds of the words of the server behind it."""
    further = fields.get("metadata")
    raw = further.get("raw") if isinstance(further, dict) else None
    said = (fields.get("message"), fields.get("type"), fields.get("code"), raw)
    return _readable(" ".join(one for one in said if isinstance(one, str)))[:300]


def _error(status: int, said: str, retry_after: float | None) -> lm15.LM15Error:
    kind = _KINDS.get(status, lm15.ServerError if status >= 500 else lm15.InvalidRequestError)
    if kind is lm15.InvalidRequestError and _TOO_LONG.search(said):
        kind = lm15.ContextLengthError
    if kind is lm15.RateLimitError and "insufficient_quota" in said:
        kind = lm15.BillingError  # OpenAI's word for an empty account, which no waiting fills
    return kind(said, status=status, retry_after=retry_after)


def _readable(said: str) -> str:
    """In a line, without what a terminal would obey."""
    return " ".join(readable(said).split())


_KINDS: dict[int, type[lm15.LM15Error]] = {
    401: lm15.AuthError,
    402: lm15.BillingError,
    403: lm15.AuthError,
    404: lm15.UnsupportedModelError,
    408: lm15.TimeoutError,
    429: lm15.RateLimitError,
    504: lm15.TimeoutError,
}
_NAMED = (
    ("insufficient_quota", 429),
    ("rate_limit", 429),
    ("authentication", 401),
    ("permission", 403),
    ("invalid_request", 400),
    ("badrequest", 400),
    ("not_found", 404),
    ("overloaded", 529),
)
"""Statuses that providers name in words."""
_STATUS = re.compile(r"[45][0-9]{2}")
_TOO_LONG = re.compile(r"context.*(length|size)|(length|size).*context", re.IGNORECASE)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3).

    None where it asks for none that can be read; 0 where the date is past.
    """
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return _span(float(milliseconds) / 1000)
        asked = headers.get("retry-after", "")
        return (
            _span(float(asked))
            if asked[:1].isdigit()
            else _span(parsedate_to_datetime(asked).timestamp() - time.time())
        )
    except (ValueError, TypeError, OverflowError):
        return None


def _span(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
