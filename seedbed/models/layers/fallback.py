"""Another model for the calls that one fails for good."""

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
    """An engine whose calls go to `other` where they fail for good and not by the request's own fault.

    What the other cannot do (a schema, log-probabilities, continued text) is left out of what it is asked.

    Args:
        alias, other_alias: their names in the config, for `answered_by` and for `say`, which is told the first time.
    """

    def __init__(
        self,
        engine: Engine,
        other: Engine,
        alias: str,
        other_alias: str,
        say: Say = silent,
    ) -> None:
        super().__init__(engine)
        self.other, self.alias, self.other_alias, self._say = other, alias, other_alias, say
        self._said = False

    async def complete(self, request: lm15.Request) -> lm15.Response:
        try:
            return await self.engine.complete(request)
        except (lm15.LM15Error, dspy_errors.LMError) as error:
            if own_fault(error) or continuation_of(request) is not None:
                raise  # a likelihood is one model's: another's would enter a fit that was not made for it
            return await self._ask_other(request, str(error.message).partition("\n")[0])

    def for_other(self, request: lm15.Request) -> lm15.Request:
        """What the other is asked in its place."""
        return _within(request, self.other)

    def others_way(self) -> AbstractContextManager[None]:
        """The context in which it is asked."""
        return using(continues=continuing() and self.other.continues)

    async def aclose(self) -> None:
        await self.engine.aclose()
        await self.other.aclose()

    async def _ask_other(self, request: lm15.Request, reason: str) -> lm15.Response:
        if not self._said:
            self._said = True
            self._say(f"{self.alias} failed ({reason}); such calls go to {self.other_alias}")
        key = f"{call_context().key}/{self.other_alias}"  # else it would find the first one's waves of a batch
        with self.others_way(), calling(key=key):
            response = await self.other.complete(self.for_other(request))
        note = lm15.Adaptation("model", "substituted", reason or "it failed", self.alias, self.other_alias)
        return dataclasses.replace(response, adaptations=(*response.adaptations, note))


def own_fault(error: BaseException) -> bool:
    """Whether the request itself was refused: no other model, and no other time, need do better."""
    return isinstance(error, _BAD) and not isinstance(error, _NOT_THERE)


def answered_by(response: lm15.Response, default: str) -> str:
    """The alias of the model that answered, hence is to be paid; `default` where none stood in.

    It is kept among the response's adaptations, which the journal keeps (the provider's own data it leaves out).
    """
    return next((note.applied for note in reversed(response.adaptations) if note.field == "model"), default)


def _within(request: lm15.Request, engine: Engine) -> lm15.Request:
    asked = request.config
    logprobs = min(asked.logprobs, engine.logprobs) if asked.logprobs is not None and engine.logprobs else None
    schema = asked.response_format if engine.enforces_schema else None
    return dataclasses.replace(request, config=dataclasses.replace(asked, logprobs=logprobs, response_format=schema))
