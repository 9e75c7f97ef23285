"""A `dspy.LM` over one of our engines. It asks as DSPy does, for a tenth of the client time of DSPy's own code."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import dspy
from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from programs.core.background import run_sync, together
from programs.core.tools import tools
from seedbed.dspy_internals import canonical, error_boundary, legacy_output, prepare
from seedbed.errors import TeacherDown, UserError
from seedbed.models.call_context import call_context, calling
from seedbed.models.endings import ended
from seedbed.models.engines.engine import Engine, SyncEngine, Wrapped
from seedbed.models.engines.scoring import likelihood_request
from seedbed.models.layers.circuit_breaker import is_down, is_refused
from seedbed.models.layers.fallback import is_request_error
from seedbed.models.refused import mend

FAILED_CALLS = 5  # calls that must fail in a row, retries included, before the model counts as down
OPTIONS = 64  # sets of call options whose canonical form is remembered
_NO_OPTIONS = frozenset({"messages", "rollout_id", "cache"})


class NotInJournal(lm15.InvalidRequestError):
    """A replay has no reply to this call."""


_replies: ContextVar[list[lm15.Response] | None] = ContextVar("replies", default=None)


class Recording(Wrapped):
    """An engine that records its replies for `_recorded`. DSPy's own code drops how a reply ended."""

    async def complete(self, request: lm15.Request) -> lm15.Response:
        response = await self.engine.complete(request)
        if (replies := _replies.get()) is not None:
            replies.append(response)
        return response


@contextlib.contextmanager
def _recorded() -> Iterator[list[lm15.Response]]:
    """The replies of the calls in this block."""
    replies = list[lm15.Response]()
    token = _replies.set(replies)
    try:
        yield replies
    finally:
        _replies.reset(token)


class TeacherLM(dspy.LM):
    """`dspy.LM` over one of our engines. A reply that ran into `max_tokens` comes as a `Cut`.

    `continues` is for the compact format, `chats` for the choice of formats, `logprobs` for the judges."""

    def __init__(self, alias: str, engine: Engine, **kwargs: Any) -> None:
        super().__init__(
            f"seedbed/{alias}",
            engine=SyncEngine(engine),
            async_engine=Recording(engine),
            cache=False,
            num_retries=0,
            **kwargs,
        )
        self.alias, self.continues, self.logprobs, self._failed = alias, engine.continues, engine.logprobs, [0]
        self._answered = [False]  # whether it ever answered; its copies share this
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
        """One call. Raises TeacherDown if no further call can succeed, and DSPy's LMError if only this call failed. An
        error that an engine must not raise is raised unchanged.

        With `n`, it returns that many replies, each with its own draw number: DSPy would send one request n times, and
        the journal would take them for one call.
        """
        draw = kwargs.get("rollout_id", self.kwargs.get("rollout_id")) or call_context().draw
        if n == 1:
            return await self._draw(draw, *args, **kwargs)
        replies = await together(self._draw(draw + k, *args, **kwargs) for k in range(n))
        return [output for outputs in replies for output in outputs]

    async def _draw(self, draw: int, *args: Any, **kwargs: Any) -> Any:
        with self._watched():
            if draw == call_context().draw:
                return await self._ask(*args, **kwargs)
            with calling(draw=draw):
                return await self._ask(*args, **kwargs)

    @property
    def scores(self) -> bool:
        """Whether it can compute the likelihood of a given reply."""
        return self.async_engine.scores

    async def score(self, messages: Sequence[dict[str, str]], continuation: str) -> list[float]:
        """The log-probability (natural logarithm) of each token of a text as the reply to these messages.

        The last one is the end of the reply, if the endpoint returns it. The draw number is not used: the result does
        not vary. Raises the same errors as `acall`."""
        request = likelihood_request(self._request(messages, {}), continuation)
        with self._watched(), error_boundary(self.model, unexpected=True), calling(draw=0):
            reply = await self.async_engine.complete(request)
        return [token.logprob for token in reply.logprobs or ()]

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Count failures of the call in this block, and raise each as what it means for later calls."""
        try:
            yield
        except dspy_errors.LMError as error:
            if mistake := _user_error(error) or self._bug(error):  # a full disk, say, is not the model's failure
                raise mistake from mistake.__cause__
            too_long = isinstance(error, dspy_errors.ContextWindowExceededError)
            one_of_many = self._answered[0] or tools().trying  # else the entry may be wrong
            prompts_fault = too_long or (one_of_many and is_request_error(error))
            self._failed[0] += not (prompts_fault or isinstance(error.__cause__, NotInJournal))
            verdict = self._verdict(error)
            if verdict is error:
                raise
            raise verdict from error
        self._failed[0], self._answered[0] = 0, True

    async def _ask(self, *args: Any, **kwargs: Any) -> Any:
        """Do what `dspy.LM.acall` does, without its two changes of thread and its conversion to OpenAI's dicts.

        Calls DSPy's own code if a callback, a tracker or the history of DSPy is on, or if the call is not text only.
        """
        settings = dspy.settings
        messages: Any = kwargs.get("messages")
        is_observed = settings.get("callbacks") or self.callbacks or settings.usage_tracker or settings.send_stream
        if args or is_observed or not settings.disable_history or not _plain(messages):
            with _recorded() as replies:
                outputs = await super().acall(*args, **kwargs)
            is_recorded = isinstance(outputs, list) and len(replies) == len(outputs)
            return [*map(ended, replies, outputs)] if is_recorded else outputs
        with error_boundary(self.model, unexpected=True):
            reply = await self.async_engine.complete(self._request(messages, kwargs))
        output = legacy_output(reply, logprobs=bool(kwargs.get("logprobs", self.kwargs.get("logprobs"))))
        result = output if len(output) > 1 else output["text"]
        return [ended(reply, result)]

    def _request(self, messages: Sequence[dict[str, str]], kwargs: dict[str, Any]) -> lm15.Request:
        system = messages[0]["content"] if messages[0]["role"] == "system" else None
        turns = tuple(
            lm15.Message(role=message["role"], parts=(lm15.TextPart(message["content"]),))
            for message in messages[system is not None :]
        )
        return lm15.Request(model=self.model, system=system, messages=turns, config=self._config(kwargs))

    def _config(self, kwargs: dict[str, Any]) -> lm15.Config:
        """The call's options in lm15's form. DSPy converts each set of options once."""
        options = {name: value for name, value in {**self.kwargs, **kwargs}.items() if name not in _NO_OPTIONS}
        key = tuple((name, value if isinstance(value, type) else repr(value)) for name, value in options.items())
        if key not in self._configs:
            if len(self._configs) == OPTIONS:
                self._configs.clear()
            call = prepare(self, None, [{"role": "user", "content": "?"}], options, asynchronous=True)
            self._configs[key] = canonical(call).config
        return self._configs[key]

    def _bug(self, error: dspy_errors.LMError) -> BaseException | None:
        """The error behind DSPy's wrapper if it is one that no engine may raise, that is a bug. (DSPy's client for a
        provider wraps its own bugs too, under its own model's name.)"""
        ours = type(error) is dspy_errors.LMUnexpectedError and error.model == self.model
        return None if not ours or isinstance(error.__cause__, lm15.LM15Error) else error.__cause__

    def _verdict(self, error: dspy_errors.LMError) -> BaseException:
        message = f"{self.alias}: {str(error).splitlines()[0].removeprefix(f'[{self.model}] ')}"
        cause = error.__cause__ or error
        for kinds, hint in _HOPELESS:
            if isinstance(error, kinds):
                return TeacherDown(message, hint=hint)
        if is_down(cause) or is_refused(cause):
            hint = "Start the server or correct api_base, then run the same command again; finished calls are kept."
            return TeacherDown(message, hint=hint)
        if self._failed[0] >= FAILED_CALLS:
            again = "Run the same command again when the server works; finished calls are kept."
            hint = mend(message, self.alias) if is_request_error(error) else again
            return TeacherDown(f"{message} ({FAILED_CALLS} calls in a row failed)", hint=hint)
        return error


def _plain(messages: Any) -> bool:
    """Whether all messages are text, and only the first one may be the system's."""
    return bool(messages) and all(
        type(message["content"]) is str
        and message["content"]
        and (message["role"] in ("user", "assistant") or (message["role"] == "system" and not place))
        for place, message in enumerate(messages)
    )


def _user_error(error: BaseException) -> UserError | None:
    """The UserError inside the error that DSPy raised, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, UserError):
        cause = cause.__cause__
    return cause


_HOPELESS: tuple[tuple[Any, str], ...] = (
    (dspy_errors.LMAuthError, "Check the key this model's api_key names in the environment."),
    (dspy_errors.LMNotConfiguredError, "Set the provider's key in the environment."),
    (dspy_errors.LMBillingError, "Check the account's balance, then run the same command again."),
    (dspy_errors.LMUnsupportedModelError, "Check the model's name and that api_base ends in /v1."),
    (dspy_errors.LMConfigurationError, "Correct this model's entry in seedbed.yaml."),
)
