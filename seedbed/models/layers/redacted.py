"""Removes API keys from error messages: a server may repeat the key that it refuses."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from dspy import lm15

from seedbed.models.engines.engine import Engine, Wrapped

SHOWN = 8  # leading characters by which a truncated key is recognised
LEAST = 12  # characters of the shortest text that counts as a key in the environment or in an address
_NAMES = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)


class Secrets:
    """The texts to remove: a model's key, and keys in the environment, from which providers' clients take theirs.

    Each is found whole, truncated after SHOWN characters or more, and URL-encoded. Parts of the path of the server's
    `address` count too if they are as long as a key.
    """

    def __init__(self, key: str | None, address: str | None = None) -> None:
        secrets = {part for part in urlsplit(address or "").path.split("/") if len(part) >= LEAST} | (
            {key} if key else set()
        )
        secrets |= {value for name, value in os.environ.items() if _NAMES.search(name) and _is_key(value)}
        forms = sorted({form for secret in secrets for form in (secret, quote(secret, safe=""))}, key=len, reverse=True)
        self._pattern = re.compile(
            "|".join([*map(_whole, forms), *(_cut(form) for form in forms if len(form) > SHOWN)])
        )
        self._any = bool(forms)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Remove the secrets from errors that leave this block, and from their causes."""
        try:
            yield
        except Exception as error:
            if self._any:
                self._redact(error, set())
            raise

    def _redact(self, error: BaseException, seen_ids: set[int]) -> None:
        if id(error) in seen_ids:
            return
        seen_ids.add(id(error))
        error.args = self._without(error.args)
        for name, value in vars(error).items():
            with contextlib.suppress(AttributeError):  # read-only attributes
                setattr(error, name, self._without(value))
        for cause in (error.__cause__, error.__context__):
            if cause is not None:
                self._redact(cause, seen_ids)

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._pattern.sub("***", value)
        if isinstance(value, bytes):
            return self._pattern.sub("***", value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if type(value) in (list, tuple):
            return type(value)(map(self._without, value))
        if type(value) is dict:
            return {key: self._without(item) for key, item in value.items()}
        return value


class Redacted(Wrapped):
    """An engine whose errors do not show its key or the keys in its address."""

    def __init__(self, engine: Engine, key: str | None, address: str | None) -> None:
        super().__init__(engine)
        self._secrets = Secrets(key, address)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        with self._secrets.kept():
            return await self.engine.complete(request)


def _is_key(value: str) -> bool:
    return len(value) >= LEAST and not value.startswith(("/", "~", "."))  # else it is a path to a key file


def _whole(form: str) -> str:
    return re.escape(form) if len(form) >= SHOWN else rf"(?<!\w){re.escape(form)}(?!\w)"


def _cut(form: str) -> str:
    return re.escape(form[:SHOWN]) + r"[\w\-+/=%*]*"
