"""Keys do not leave the process in what an error says: a server may repeat the one it refuses."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from dspy import lm15

from seedbed.models.engines.engine import Engine, Wrapped

SHOWN = 8  # leading characters of a key by which a cut one is known
LEAST = 12  # characters of what counts as a key in the environment or in an address
_NAMES = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)


class Secrets:
    """What must not be said: a model's key, and the keys in the environment, from which providers' clients take theirs.

    Whole, cut after SHOWN characters or more, and as an address would hold them. Of the server's `address` the parts
    of its path count that are as long as a key.
    """

    def __init__(self, key: str | None, address: str | None = None) -> None:
        kept = {part for part in urlsplit(address or "").path.split("/") if len(part) >= LEAST} | (
            {key} if key else set()
        )
        kept |= {value for name, value in os.environ.items() if _NAMES.search(name) and _is_key(value)}
        forms = sorted({form for one in kept for form in (one, quote(one, safe=""))}, key=len, reverse=True)
        self._said = re.compile("|".join([*map(_whole, forms), *(_cut(form) for form in forms if len(form) > SHOWN)]))
        self._any = bool(forms)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Errors leave this block without them, their causes too."""
        try:
            yield
        except Exception as error:
            if self._any:
                self._hush(error, set())
            raise

    def _hush(self, error: BaseException, seen: set[int]) -> None:
        if id(error) in seen:
            return
        seen.add(id(error))
        error.args = self._without(error.args)
        for name, value in vars(error).items():
            with contextlib.suppress(AttributeError):  # what cannot be set
                setattr(error, name, self._without(value))
        for other in (error.__cause__, error.__context__):
            if other is not None:
                self._hush(other, seen)

    def _without(self, said: Any) -> Any:
        if isinstance(said, str):
            return self._said.sub("***", said)
        if isinstance(said, bytes):
            return self._said.sub("***", said.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if type(said) in (list, tuple):
            return type(said)(map(self._without, said))
        if type(said) is dict:
            return {key: self._without(value) for key, value in said.items()}
        return said


class Redacted(Wrapped):
    """An engine whose errors do not repeat its key, be it in its address."""

    def __init__(self, engine: Engine, key: str | None, address: str | None) -> None:
        super().__init__(engine)
        self._secrets = Secrets(key, address)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        with self._secrets.kept():
            return await self.engine.complete(request)


def _is_key(value: str) -> bool:
    return len(value) >= LEAST and not value.startswith(("/", "~", "."))  # else it is a path to one


def _whole(form: str) -> str:
    return re.escape(form) if len(form) >= SHOWN else rf"(?<!\w){re.escape(form)}(?!\w)"


def _cut(form: str) -> str:
    return re.escape(form[:SHOWN]) + r"[\w\-+/=%*]*"
