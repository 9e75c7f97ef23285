"""The contract of an engine, and the synchronous version that DSPy needs besides the asynchronous one."""

import json
from typing import Any, Protocol

import orjson
from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from programs.core.background import run_sync
from programs.core.tools import tools
from seedbed.dspy_internals import response_from_dict, response_to_dict
from seedbed.models.call_context import call_context

PARAMETERS = frozenset(
    {
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
    }
)

MOST_TOKENS = 10**9  # of one call
_LOST = (408, 499)  # a proxy in front of the model gave up
_FAILED = (500, 503, 529)  # the model's own server did not do the work; a gateway sends the other 5xx
_NEVER_SENT = (
    lm15.ConfigurationError,
    lm15.CapabilityError,
    dspy_errors.LMConfigurationError,
    dspy_errors.LMUnsupportedFeatureError,
)


class Engine(Protocol):
    """One attempt at one completion.

    Attributes:
        identity: what the reply depends on besides the request (address and model, or the weights' hash);
            part of every journal key, never a secret.
        enforces_schema: the server makes replies follow a JSON schema. continues: it can continue plain text.
        chats: it takes messages; only models without a chat template do not.
        concurrency: the most calls in flight. logprobs: alternatives per token with log-probabilities; 0 means no
        log-probabilities. scores: it can compute the likelihood of a given reply (`engines.scoring`).

    `complete` raises only `dspy.lm15` or `dspy` LM errors. If `Tools.continues` is set, it continues
    the one user message as text.
    """

    identity: str
    enforces_schema: bool
    continues: bool
    concurrency: int
    logprobs: int
    scores: bool

    @property
    def chats(self) -> bool: ...

    async def complete(self, request: lm15.Request) -> lm15.Response: ...

    async def aclose(self) -> None: ...


class Shared:
    """An engine is shared, never copied: it holds connections and spending."""

    logprobs, scores = 0, False

    @property
    def chats(self) -> bool:
        """Whether it takes messages."""
        return True

    def __deepcopy__(self, memo: Any) -> "Shared":
        return self


class Wrapped(Shared):
    """An engine around another one. It behaves like that one, except for its addition to `complete`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.identity, self.concurrency = engine.identity, engine.concurrency
        self.enforces_schema, self.continues, self.logprobs = engine.enforces_schema, engine.continues, engine.logprobs
        self.scores = engine.scores

    @property
    def chats(self) -> bool:
        return self.engine.chats  # not read earlier: an embedded model must open its file for it

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return await self.engine.complete(request)

    async def aclose(self) -> None:
        await self.engine.aclose()


class SyncEngine(Shared):
    """The synchronous engine of a `dspy.LM`: the asynchronous one, run on the background loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.supports_response_schema = engine.enforces_schema
        self.supports_function_calling = False
        self.supports_reasoning = False
        self.supported_params = PARAMETERS | ({"response_format"} if engine.enforces_schema else frozenset())

    def complete(self, request: lm15.Request) -> lm15.Response:
        return run_sync(self.engine.complete(request))


def is_implausible(usage: lm15.Usage) -> bool:
    """Whether the server reports an impossible number of tokens for one call. (lm15 rejects negative ones.)"""
    return max(usage.input_tokens or 0, usage.output_tokens or 0, usage.total_tokens or 0) > MOST_TOKENS


def writable_json(value: Any) -> Any:
    """A JSON value with U+FFFD for each unpaired surrogate, which cannot be written to a file, and null for what is not
    a JSON number, such as a log-probability of -Infinity."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(text, parse_constant=lambda name: None)


def loaded(raw: bytes) -> Any:
    """The JSON of a reply. Broken characters become U+FFFD, since the reply is paid for. Raises ValueError or
    RecursionError for anything that is not JSON."""
    try:
        return orjson.loads(raw)
    except ValueError:
        return writable_json(json.loads(raw.decode("utf-8", "replace")))


def writable(response: lm15.Response) -> lm15.Response:
    """The reply in a form that the journal can store; `writable_json` if necessary."""
    data = response_to_dict(response)
    try:
        orjson.dumps(data)
    except TypeError:
        return response_from_dict(writable_json(data))
    return response


def continuing() -> bool:
    """Whether the current call wants its one message continued as plain text."""
    return tools().continues


def record_wait(seconds: float) -> None:
    """Record that the current call waited this long for another model's call. This is not its own model's work time."""
    if (waits := call_context().waits) is not None:
        waits.append(seconds)


def free(error: BaseException) -> bool:
    """Whether a call with this error certainly cost nothing: it was never sent, or the server itself refused it.

    False if the model may have worked on it: timeouts, broken connections, errors of a gateway (502, 504, 520 ...), a
    reply that cannot be read, cancellation. An engine that did not send the call sets `unsent` on the error; a refused
    connection sets `refused`.
    """
    if getattr(error, "unsent", False) or getattr(error, "refused", False):
        return True
    if isinstance(error, TimeoutError | dspy_errors.LMTimeoutError):
        return False
    status = getattr(error, "status", None)
    if isinstance(error, _NEVER_SENT) or status in _FAILED:
        return True
    return isinstance(status, int) and 400 <= status < 500 and status not in _LOST
