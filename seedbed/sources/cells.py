"""The cells of tables as inputs of programs: values that JSON knows, and the prompt and response of chat rows."""

import datetime
import decimal
import math
import uuid
from typing import Any

from seedbed.sources.tables import Row, encodable

_AS_TEXT = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)


def cell(value: Any) -> Any:
    """The value as JSON knows it: dates and decimals as texts; None for NaN, bytes, pictures and the like."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(str(name)): cell(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [cell(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int) else str(value) if isinstance(value, _AS_TEXT) else None


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing: None, a blank text, an empty list. 0 and False are values."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def with_chat(row: Row) -> Row:
    """The row with the texts `prompt` and `response`, for which chat rows have lists of messages: the first message of
    the user and the last one of the assistant. A column of that name that holds a text stays as it is."""
    chat = row | {name: row["messages"] for name in ("prompt", "response") if row.get("messages") and name not in row}
    ends = {
        "prompt": _texts(chat.get("prompt"), "user")[:1],
        "response": _texts(chat.get("response"), "assistant")[-1:],
    }
    return chat | {name: text for name, texts in ends.items() for text in texts}


def _texts(messages: Any, role: str) -> list[str]:
    """The texts of one role's messages; empty for anything but a list of messages."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return []
    return [str(message.get("content") or "") for message in messages if message.get("role") == role]
