"""A teacher: a `dspy.LM` made from a model entry of the config, journalled, with errors for people."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
from dspy.utils import exceptions as dspy_errors

from programs.program import run_sync
from seedbed.engines.engine import Blocking, Engine
from seedbed.engines.journaled import Journaled
from seedbed.errors import TeacherDown, UserError
from seedbed.journal import Journal
from seedbed.model_entry import ModelEntry

PATIENCE = 5  # calls in a row that may fail for good before the model counts as down
SAMPLED = 0.7  # the temperature of every further draw from one source


class TeacherLM(dspy.LM):
    """`dspy.LM` over one of our engines. `continues` tells the compact format what the endpoint can do, `logprobs`
    tells judges."""

    def __init__(self, alias: str, engine: Engine, **kwargs: Any) -> None:
        super().__init__(
            f"seedbed/{alias}",
            engine=Blocking(engine),
            async_engine=engine,
            cache=False,
            num_retries=0,
            **kwargs,
        )
        self.alias, self.continues, self.logprobs, self._failed = alias, engine.continues, engine.logprobs, [0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`acall` from ordinary code, as DSPy's optimizers call the model that proposes instructions."""
        return run_sync(self.acall(*args, **kwargs))

    async def acall(self, *args: Any, n: int = 1, **kwargs: Any) -> Any:
        """One call. Raises TeacherDown where no further call can succeed, DSPy's LMError where this one did not.

        With `n`, that many replies, each a draw of its own: DSPy would send one request n times, and the journal
        would take them for one.
        """
        draw = kwargs.get("rollout_id", self.kwargs.get("rollout_id")) or dspy.settings.get("draw", 0)
        if n == 1:
            return await self._draw(draw, *args, **kwargs)
        replies = await asyncio.gather(*(self._draw(draw + k, *args, **kwargs) for k in range(n)))
        return [one for reply in replies for one in reply]

    async def _draw(self, draw: int, *args: Any, **kwargs: Any) -> Any:
        try:
            with dspy.context(draw=draw):
                reply = await super().acall(*args, **kwargs)
        except dspy_errors.LMError as error:
            if mistake := _user_error(error):  # a full disk under the journal is not the model's failure
                raise mistake from error
            self._failed[0] += not isinstance(error, dspy_errors.ContextWindowExceededError)  # the prompt's fault
            verdict = self._verdict(error)
            if verdict is error:
                raise
            raise verdict from error
        self._failed[0] = 0
        return reply

    def _verdict(self, error: dspy_errors.LMError) -> BaseException:
        said = f"{self.alias}: {str(error).splitlines()[0].removeprefix(f'[{self.model}] ')}"
        for kinds, hint in _HOPELESS:
            if isinstance(error, kinds):
                return TeacherDown(said, hint=hint)
        if self._failed[0] >= PATIENCE:
            return TeacherDown(
                f"{said} ({PATIENCE} calls in a row failed)",
                hint="Run the same command again when the server is well; finished calls are kept.",
            )
        return error


def _user_error(error: BaseException) -> UserError | None:
    """The UserError behind what DSPy wrapped, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, UserError):
        cause = cause.__cause__
    return cause


_HOPELESS: tuple[tuple[Any, str], ...] = (
    (dspy_errors.LMAuthError, "Check the key this model's api_key names in the environment."),
    (dspy_errors.LMNotConfiguredError, "Set the provider's key in the environment."),
    (dspy_errors.LMBillingError, "Check the account's balance, then run the same command again."),
    (dspy_errors.LMUnsupportedModelError, "Check the model's name and that api_base ends in /v1."),
    (dspy_errors.LMTransportError, "Start the server or mend api_base, then run the same command again."),
    (dspy_errors.LMConfigurationError, "Mend this model's entry in seedbed.yaml."),
)


def teacher(alias: str, entry: ModelEntry, journal: Journal, base: Path) -> TeacherLM:
    """The LM of a model entry. Raises UserError for a missing key, file or weights; no call is made."""
    engine = Journaled(_engine(entry, base), alias, journal)
    return TeacherLM(alias, engine, temperature=entry.temperature, max_tokens=entry.max_tokens)


def _engine(entry: ModelEntry, base: Path) -> Engine:
    family = entry.model.partition("/")[0]
    if entry.api_base:
        return _endpoint(entry)
    return _FAMILIES.get(family, _provider)(entry, base)


def _embedded(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.engines.embedded import MODEL, embedded_engine

    if entry.model != MODEL:
        raise UserError(f"There is no embedded model {entry.model!r}.", hint=f"The one that ships is {MODEL}.")
    return embedded_engine()


def _scripted(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.engines.scripted import ScriptedEngine

    return ScriptedEngine(base / entry.model.removeprefix("scripted/"))


def _endpoint(entry: ModelEntry) -> Engine:
    from seedbed.engines.endpoint import EndpointEngine

    assert entry.api_base
    return EndpointEngine(
        entry.api_base,
        entry.model,
        key_of(entry),
        concurrency=entry.concurrency,
        timeout=entry.timeout,
        enforces_schema=entry.schema_enforced,
        continues=entry.completions,
        logprobs=entry.logprobs,
        extra=entry.extra,
    )


def _provider(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.engines.provider import ProviderEngine

    key = key_of(entry)
    client = {"api_key": key} if key else {}
    return ProviderEngine(
        entry.model,
        concurrency=entry.concurrency,
        timeout=entry.timeout,
        logprobs=entry.logprobs,
        **client,
        **entry.extra,
    )


_FAMILIES: dict[str, Callable[[ModelEntry, Path], Engine]] = {"embedded": _embedded, "scripted": _scripted}


def key_of(entry: ModelEntry) -> str | None:
    """The key the entry's `api_key: $NAME` names, from the environment."""
    if entry.api_key is None:
        return None
    key = os.environ.get(entry.api_key.removeprefix("$"), "").strip()
    if not key.isprintable():
        raise UserError(f"The key in {entry.api_key} holds a line break.", hint="Set it to the key alone.")
    if not key:
        raise UserError(
            f"{entry.model} wants its key from {entry.api_key}, which is not set.",
            hint=f"export {entry.api_key.removeprefix('$')}=...",
        )
    return key
