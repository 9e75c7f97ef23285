"""Adapts requests to a server that refuses what other servers accept. It learns from the server's error messages."""

import re
from typing import Any

_SYSTEM = r"(?:system|developer)\W{0,3}(?:role|message|prompt|instruction)s?\b"
_NO_SYSTEM = re.compile(
    rf"{_SYSTEM}[^.]{{0,40}}\b(?:not|isn't|aren't|un\w+)\b|\b(?:not|doesn't|don't|un\w+|no)\b[^.]{{0,30}}{_SYSTEM}"
    r"|\b(?:un\w+|invalid) role\W{1,4}system\b|roles must alternate"
    r"|\bonly user (?:and|or) assistant roles\b|\bshould be 'user' or 'assistant'",
    re.IGNORECASE,
)
_OTHER_LIMIT = "max_completion_tokens"


class Concessions:
    """The changes to every request body for this server.

    Attributes:
        merges_system: put the system's message at the beginning of the user's first one.
        limit: the key for the longest reply.
    """

    def __init__(self) -> None:
        self.merges_system, self.limit = False, "max_tokens"

    def learn(self, message: str, body: dict[str, Any]) -> None:
        """Learn from the message with which the server refused a body."""
        if _OTHER_LIMIT in message and "max_tokens" in body:
            self.limit = _OTHER_LIMIT
        elif _has_system(body) and _NO_SYSTEM.search(message):
            self.merges_system = True

    def adapted(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body in the form that this server accepts."""
        if self.limit != "max_tokens" and "max_tokens" in body:
            body = {(self.limit if key == "max_tokens" else key): value for key, value in body.items()}
        if self.merges_system and _has_system(body):
            body = body | {"messages": _merged(body["messages"])}
        return body

    @property
    def notes(self) -> list[str]:
        """What was learnt, as messages."""
        notes = ["takes no system role, so the system message is put before the user's"] if self.merges_system else []
        return [*notes, *([f"wants {self.limit}"] if self.limit != "max_tokens" else [])]


def _has_system(body: dict[str, Any]) -> bool:
    return any(message["role"] == "system" for message in body.get("messages", ()))


def _merged(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    (system, *dialogue) = messages
    if not dialogue:
        return [{"role": "user", "content": system["content"]}]
    first, *rest = dialogue
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
