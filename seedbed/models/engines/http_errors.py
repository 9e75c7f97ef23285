"""Turns error replies of a server into lm15's errors: by the status, or by a body of status 200."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from dspy import lm15

from seedbed.terminal import readable


def refusal(status: int, raw: bytes, headers: Mapping[str, str]) -> lm15.LM15Error:
    """The error for a status, its body and its headers."""
    message = _readable(raw[:300].decode("utf-8", "replace")) or f"the server says {status} and no more"
    if 300 <= status < 400:
        target = _readable(headers.get("location", "")).partition("?")[0]
        return lm15.ConfigurationError(f"the server redirects to {target or 'nowhere'}", status=status)
    return _error(status, message, _retry_after(headers))


def error_within(body: Any) -> lm15.LM15Error | None:
    """The error in a body of status 200, or in one of its choices; None if there is none. The code in the error counts
    as its status; an error without a code is the server's failure."""
    if not isinstance(body, dict):
        return None
    entries = body.get("choices")
    choices = [choice for choice in entries if isinstance(choice, dict)] if isinstance(entries, list) else []
    top_error = body.get("error") or (body.get("object") == "error" and body)
    error = next((choice["error"] for choice in choices if choice.get("error")), None if choices else top_error)
    if not error:
        return None
    fields = error if isinstance(error, dict) else {"message": error}
    return _error(_code(fields), _words(fields) or "an error without words in a reply of status 200", None)


def _code(fields: dict[str, Any]) -> int:
    for name in ("code", "status", "status_code"):
        if _STATUS.fullmatch(status_text := str(fields.get(name))):
            return int(status_text)
    kind = f"{fields.get('type')} {fields.get('code')}".lower()
    return next((status for word, status in _NAMED if word in kind), 500)


def _words(fields: dict[str, Any]) -> str:
    """Its message, and the message of the server behind a gateway."""
    metadata = fields.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    texts = (fields.get("message"), fields.get("type"), fields.get("code"), raw)
    return _readable(" ".join(text for text in texts if isinstance(text, str)))[:300]


def _error(status: int, message: str, retry_after: float | None) -> lm15.LM15Error:
    kind = _KINDS.get(status, lm15.ServerError if status >= 500 else lm15.InvalidRequestError)
    if kind is lm15.InvalidRequestError and _TOO_LONG.search(message):
        kind = lm15.ContextLengthError
    if kind is lm15.RateLimitError and "insufficient_quota" in message:
        kind = lm15.BillingError  # OpenAI's code for an empty account; waiting does not help
    return kind(message, status=status, retry_after=retry_after)


def _readable(text: str) -> str:
    """The text on one line, without control characters for terminals."""
    return " ".join(readable(text).split())


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
"""Words by which providers name a status."""
_STATUS = re.compile(r"[45][0-9]{2}")
_TOO_LONG = re.compile(r"context.*(length|size)|(length|size).*context", re.IGNORECASE)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC
    9110, 10.2.3).

    None if there is no readable value; 0 if the date is past.
    """
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return _span(float(milliseconds) / 1000)
        value = headers.get("retry-after", "")
        return (
            _span(float(value))
            if value[:1].isdigit()
            else _span(parsedate_to_datetime(value).timestamp() - time.time())
        )
    except (ValueError, TypeError, OverflowError):
        return None


def _span(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
