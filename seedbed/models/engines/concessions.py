"""How a server wants to be asked that refuses what others take: found out from its own words."""

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
    """What is changed in every body for this server.

    Attributes:
        merges_system: the system's message is the beginning of the user's first one.
        limit: the key in which the longest reply is told.
    """

    def __init__(self) -> None:
        self.merges_system, self.limit = False, "max_tokens"

    def learn(self, said: str, body: dict[str, Any]) -> None:
        """Take from a server's refusal of a body how it is to be asked."""
        if _OTHER_LIMIT in said and "max_tokens" in body:
            self.limit = _OTHER_LIMIT
        elif _has_system(body) and _NO_SYSTEM.search(said):
            self.merges_system = True

    def made_in(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body as this server takes it."""
        if self.limit != "max_tokens" and "max_tokens" in body:
            body = {(self.limit if key == "max_tokens" else key): value for key, value in body.items()}
        if self.merges_system and _has_system(body):
            body = body | {"messages": _merged(body["messages"])}
        return body

    @property
    def notes(self) -> list[str]:
        """What was found out, for a person."""
        told = ["takes no system role, so that is put before the user's words"] if self.merges_system else []
        return [*told, *([f"wants {self.limit}"] if self.limit != "max_tokens" else [])]


def _has_system(body: dict[str, Any]) -> bool:
    return any(message["role"] == "system" for message in body.get("messages", ()))


def _merged(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    (system, *others) = messages
    if not others:
        return [{"role": "user", "content": system["content"]}]
    first, *rest = others
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
