"""Sends the calls that finally fail with one model to another model."""

import dataclasses
from contextlib import AbstractContextManager

from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from programs.core.tools import using
from seedbed.models.call_context import call_context, calling
from seedbed.models.engines.engine import Engine, Wrapped, continuing
from seedbed.models.engines.scoring import continuation_of
from seedbed.terminal import Say, silent

_BAD = (lm15.InvalidRequestError, dspy_errors.LMInvalidRequestError)
_NOT_THERE = (lm15.UnsupportedModelError, dspy_errors.LMUnsupportedModelError)  # DSPy files these under the former


class Fallback(Wrapped):
    """Sends a call to `substitute` if `engine` finally fails and the request itself is not the reason.

    Options that the substitute does not support (a schema, log-probabilities, continued text) are left out.

    Args:
        alias, substitute_alias: their names in the config, for `answered_by` and for the one line given to `say`.
    """

    def __init__(
        self,
        engine: Engine,
        substitute: Engine,
        alias: str,
        substitute_alias: str,
        say: Say = silent,
    ) -> None:
        super().__init__(engine)
        self.substitute, self.alias, self.substitute_alias, self._say = substitute, alias, substitute_alias, say
        self._has_told = False

    async def complete(self, request: lm15.Request) -> lm15.Response:
        try:
            return await self.engine.complete(request)
        except (lm15.LM15Error, dspy_errors.LMError) as error:
            if is_request_error(error) or continuation_of(request) is not None:
                raise  # the fit was made for likelihoods of this model only
            return await self._ask_substitute(request, str(error.message).partition("\n")[0])

    def for_substitute(self, request: lm15.Request) -> lm15.Request:
        """The request as the substitute gets it."""
        return _within(request, self.substitute)

    def substitute_context(self) -> AbstractContextManager[None]:
        """The context of calls to the substitute."""
        return using(continues=continuing() and self.substitute.continues)

    async def aclose(self) -> None:
        await self.engine.aclose()
        await self.substitute.aclose()

    async def _ask_substitute(self, request: lm15.Request, reason: str) -> lm15.Response:
        if not self._has_told:
            self._has_told = True
            self._say(f"{self.alias} failed ({reason}); such calls go to {self.substitute_alias}")
        key = f"{call_context().key}/{self.substitute_alias}"  # else it would find the batch waves of the first model
        with self.substitute_context(), calling(key=key):
            response = await self.substitute.complete(self.for_substitute(request))
        note = lm15.Adaptation("model", "substituted", reason or "it failed", self.alias, self.substitute_alias)
        return dataclasses.replace(response, adaptations=(*response.adaptations, note))


def is_request_error(error: BaseException) -> bool:
    """Whether the request itself was refused: another model or a later attempt may fail too."""
    return isinstance(error, _BAD) and not isinstance(error, _NOT_THERE)


def answered_by(response: lm15.Response, default: str) -> str:
    """The alias of the model that answered, and is paid; `default` if there was no substitute.

    It stands in the response's adaptations, which the journal stores (it drops the provider's own data).
    """
    return next((note.applied for note in reversed(response.adaptations) if note.field == "model"), default)


def _within(request: lm15.Request, engine: Engine) -> lm15.Request:
    config = request.config
    logprobs = min(config.logprobs, engine.logprobs) if config.logprobs is not None and engine.logprobs else None
    schema = config.response_format if engine.enforces_schema else None
    return dataclasses.replace(request, config=dataclasses.replace(config, logprobs=logprobs, response_format=schema))
