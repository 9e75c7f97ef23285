"""A `dspy.LM` over one of our engines: as DSPy would ask, at a tenth of what DSPy's own way costs the client."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import dspy
from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from programs.core.program import run_sync, together
from programs.core.tools import tools
from seedbed.dspy_internals import canonical, error_boundary, legacy_output, prepare
from seedbed.errors import TeacherDown, UserError
from seedbed.models.call_context import call_context, calling
from seedbed.models.endings import ending
from seedbed.models.engines.engine import Blocking, Engine, Wrapped
from seedbed.models.engines.scoring import asking_for
from seedbed.models.layers.circuit_breaker import is_down, is_refused
from seedbed.models.layers.fallback import own_fault
from seedbed.models.refused import mend

PATIENCE = 5  # calls in a row that may fail for good before the model counts as down
OPTIONS = 64  # sets of call options whose canonical form is remembered
_NO_OPTIONS = frozenset({"messages", "rollout_id", "cache"})


class NotKept(lm15.InvalidRequestError):
    """A replay has no reply to this call."""


_replies: ContextVar[list[lm15.Response] | None] = ContextVar("replies", default=None)


class Telling(Wrapped):
    """An engine that hands on its replies as they are: how they ended, DSPy's own way leaves out."""

    async def complete(self, request: lm15.Request) -> lm15.Response:
        response = await self.engine.complete(request)
        if (replies := _replies.get()) is not None:
            replies.append(response)
        return response


@contextlib.contextmanager
def _told() -> Iterator[list[lm15.Response]]:
    """The replies that are asked for inside."""
    replies = list[lm15.Response]()
    token = _replies.set(replies)
    try:
        yield replies
    finally:
        _replies.reset(token)


class TeacherLM(dspy.LM):
    """`dspy.LM` over one of our engines, which gives a reply that ran into `max_tokens` as a `Cut`. `continues` tells
    the compact format what the endpoint can do, `chats` which formats there are to choose from, `logprobs` tells
    judges."""

    def __init__(self, alias: str, engine: Engine, **kwargs: Any) -> None:
        super().__init__(
            f"seedbed/{alias}",
            engine=Blocking(engine),
            async_engine=Telling(engine),
            cache=False,
            num_retries=0,
            **kwargs,
        )
        self.alias, self.continues, self.logprobs, self._failed = alias, engine.continues, engine.logprobs, [0]
        self._well = [False]  # whether it ever answered, for it and its copies
        self._configs: dict[tuple[Any, ...], lm15.Config] = {}

    @property
    def chats(self) -> bool:
        """Whether it takes messages, or can only continue text."""
        return self.async_engine.chats

    @property
    def async_engine(self) -> Engine:
        """The engine behind it, which its copies share."""
        engine: Engine = self._async_engine_spec.engine
        return engine

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`acall` from ordinary code, as DSPy's optimizers call the model that proposes instructions."""
        return run_sync(self.acall(*args, **kwargs))

    async def acall(self, *args: Any, n: int = 1, **kwargs: Any) -> Any:
        """One call. Raises TeacherDown where no further call can succeed, DSPy's LMError where this one did not, and
        what an engine should not have raised as it is.

        With `n`, that many replies, each a draw of its own: DSPy would send one request n times, and the journal
        would take them for one.
        """
        draw = kwargs.get("rollout_id", self.kwargs.get("rollout_id")) or call_context().draw
        if n == 1:
            return await self._draw(draw, *args, **kwargs)
        replies = await together(self._draw(draw + k, *args, **kwargs) for k in range(n))
        return [one for reply in replies for one in reply]

    async def _draw(self, draw: int, *args: Any, **kwargs: Any) -> Any:
        with self._watched():
            if draw == call_context().draw:
                return await self._ask(*args, **kwargs)
            with calling(draw=draw):
                return await self._ask(*args, **kwargs)

    @property
    def scores(self) -> bool:
        """Whether it tells how likely a given reply is."""
        return self.async_engine.scores

    async def score(self, messages: Sequence[dict[str, str]], continuation: str) -> list[float]:
        """The log-probability of each token of a text as the reply to these messages, natural logarithms, the end of
        the reply last where the endpoint tells it. Draws do not count: there is one reading. Raises as `acall` does."""
        request = asking_for(self._request(messages, {}), continuation)
        with self._watched(), error_boundary(self.model, unexpected=True), calling(draw=0):
            reply = await self.async_engine.complete(request)
        return [token.logprob for token in reply.logprobs or ()]

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """A call: that it failed is counted, and said as what it means for those to come."""
        try:
            yield
        except dspy_errors.LMError as error:
            if mistake := _user_error(error) or self._bug(error):  # a full disk, say, is not the model's failure
                raise mistake from mistake.__cause__
            too_long = isinstance(error, dspy_errors.ContextWindowExceededError)
            one_of_many = self._well[0] or tools().trying  # else the entry may be at fault
            prompts_fault = too_long or (one_of_many and own_fault(error))
            self._failed[0] += not (prompts_fault or isinstance(error.__cause__, NotKept))
            verdict = self._verdict(error)
            if verdict is error:
                raise
            raise verdict from error
        self._failed[0], self._well[0] = 0, True

    async def _ask(self, *args: Any, **kwargs: Any) -> Any:
        """What `dspy.LM.acall` does, without its two changes of thread and its way through OpenAI's dicts.

        Where anything of DSPy's listens, or the call is none of text alone, it is DSPy's own way.
        """
        settings = dspy.settings
        messages: Any = kwargs.get("messages")
        heard = settings.get("callbacks") or self.callbacks or settings.usage_tracker or settings.send_stream
        if args or heard or not settings.disable_history or not _plain(messages):
            with _told() as replies:
                outputs = await super().acall(*args, **kwargs)
            told = isinstance(outputs, list) and len(replies) == len(outputs)
            return [*map(ending, replies, outputs)] if told else outputs
        with error_boundary(self.model, unexpected=True):
            reply = await self.async_engine.complete(self._request(messages, kwargs))
        output = legacy_output(reply, logprobs=bool(kwargs.get("logprobs", self.kwargs.get("logprobs"))))
        given = output if len(output) > 1 else output["text"]
        return [ending(reply, given)]

    def _request(self, messages: Sequence[dict[str, str]], kwargs: dict[str, Any]) -> lm15.Request:
        system = messages[0]["content"] if messages[0]["role"] == "system" else None
        said = tuple(
            lm15.Message(role=message["role"], parts=(lm15.TextPart(message["content"]),))
            for message in messages[system is not None :]
        )
        return lm15.Request(model=self.model, system=system, messages=said, config=self._config(kwargs))

    def _config(self, kwargs: dict[str, Any]) -> lm15.Config:
        """The call's options as lm15 has them; made by DSPy once for each set of options."""
        options = {name: value for name, value in {**self.kwargs, **kwargs}.items() if name not in _NO_OPTIONS}
        key = tuple((name, value if isinstance(value, type) else repr(value)) for name, value in options.items())
        if key not in self._configs:
            if len(self._configs) == OPTIONS:
                self._configs.clear()
            call = prepare(self, None, [{"role": "user", "content": "?"}], options, asynchronous=True)
            self._configs[key] = canonical(call).config
        return self._configs[key]

    def _bug(self, error: dspy_errors.LMError) -> BaseException | None:
        """What DSPy took for an answer of ours: an error that no engine may raise. (A provider's client of DSPy's wraps
        its own likewise, under its own model's name.)"""
        ours = type(error) is dspy_errors.LMUnexpectedError and error.model == self.model
        return None if not ours or isinstance(error.__cause__, lm15.LM15Error) else error.__cause__

    def _verdict(self, error: dspy_errors.LMError) -> BaseException:
        said = f"{self.alias}: {str(error).splitlines()[0].removeprefix(f'[{self.model}] ')}"
        cause = error.__cause__ or error
        for kinds, hint in _HOPELESS:
            if isinstance(error, kinds):
                return TeacherDown(said, hint=hint)
        if is_down(cause) or is_refused(cause):
            hint = "Start the server or mend api_base, then run the same command again; finished calls are kept."
            return TeacherDown(said, hint=hint)
        if self._failed[0] >= PATIENCE:
            again = "Run the same command again when the server is well; finished calls are kept."
            hint = mend(said, self.alias) if own_fault(error) else again
            return TeacherDown(f"{said} ({PATIENCE} calls in a row failed)", hint=hint)
        return error


def _plain(messages: Any) -> bool:
    """Whether these are messages of text alone, the system's at most first."""
    return bool(messages) and all(
        type(message["content"]) is str
        and message["content"]
        and (message["role"] in ("user", "assistant") or (message["role"] == "system" and not place))
        for place, message in enumerate(messages)
    )


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
    (dspy_errors.LMConfigurationError, "Mend this model's entry in seedbed.yaml."),
)
