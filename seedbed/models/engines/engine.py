"""The contract of an engine, and the synchronous face DSPy asks for beside the asynchronous one."""

import json
from typing import Any, Protocol

import orjson
from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from programs.core.program import run_sync
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
_LOST = (408, 499)  # given up on, by whoever stands before the model
_FAILED = (
    500,
    503,
    529,
)  # what a model's own server says of work it has not done; of other 5xx a gateway is the author
_NEVER_SENT = (
    lm15.ConfigurationError,
    lm15.CapabilityError,
    dspy_errors.LMConfigurationError,
    dspy_errors.LMUnsupportedFeatureError,
)


class Engine(Protocol):
    """One attempt at one completion.

    Attributes:
        identity: what the reply depends on beside the request (address and model, or the weights' hash);
            part of every journal key, never a secret.
        enforces_schema: the server makes replies follow a JSON schema. continues: it can continue plain text.
        chats: it takes messages, as all but models without a chat template do.
        concurrency: calls in flight at most. logprobs: alternatives a token whose log-probabilities it can give; 0 is
        none at all. scores: it tells how likely a given reply is (`engines.scoring`).

    `complete` raises `dspy.lm15` or `dspy` LM errors only. `Tools.continues` asks it to continue
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
    """An engine is shared, never copied: it holds connections and what has been spent."""

    logprobs, scores = 0, False

    @property
    def chats(self) -> bool:
        """Whether it takes messages."""
        return True

    def __deepcopy__(self, memo: Any) -> "Shared":
        return self


class Wrapped(Shared):
    """An engine around another, which it stands for in everything but what it adds to `complete`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.identity, self.concurrency = engine.identity, engine.concurrency
        self.enforces_schema, self.continues, self.logprobs = engine.enforces_schema, engine.continues, engine.logprobs
        self.scores = engine.scores

    @property
    def chats(self) -> bool:
        return self.engine.chats  # asked late: an embedded model reads its file for it

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return await self.engine.complete(request)

    async def aclose(self) -> None:
        await self.engine.aclose()


class Blocking(Shared):
    """The synchronous engine of a `dspy.LM`: the asynchronous one, run on the background loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.supports_response_schema = engine.enforces_schema
        self.supports_function_calling = False
        self.supports_reasoning = False
        self.supported_params = PARAMETERS | ({"response_format"} if engine.enforces_schema else frozenset())

    def complete(self, request: lm15.Request) -> lm15.Response:
        return run_sync(self.engine.complete(request))


def beyond_belief(usage: lm15.Usage) -> bool:
    """Whether the server says of one call that it took more tokens than any can. (lm15 takes none below 0.)"""
    return max(usage.input_tokens or 0, usage.output_tokens or 0, usage.total_tokens or 0) > MOST_TOKENS


def mended(value: Any) -> Any:
    """A JSON value with U+FFFD for every half of a surrogate pair, which no file takes, and null for what is no number
    in JSON, such as a log-probability of -Infinity."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(text, parse_constant=lambda name: None)


def loaded(raw: bytes) -> Any:
    """The JSON of a reply, in which U+FFFD stands for characters that were lost: it is a reply, and paid. Raises
    ValueError or RecursionError for what is none."""
    try:
        return orjson.loads(raw)
    except ValueError:
        return mended(json.loads(raw.decode("utf-8", "replace")))


def writable(response: lm15.Response) -> lm15.Response:
    """The reply as the journal can keep it; `mended` where it must be."""
    told = response_to_dict(response)
    try:
        orjson.dumps(told)
    except TypeError:
        return response_from_dict(mended(told))
    return response


def continuing() -> bool:
    """Whether the call in hand asks for its one message to be continued as plain text."""
    return tools().continues


def waited(seconds: float) -> None:
    """The call in hand waited so long for another model's call to end: for its own model that is no time at work."""
    if (waits := call_context().waits) is not None:
        waits.append(seconds)


def free(error: BaseException) -> bool:
    """Whether a call that ended so certainly cost nothing: it was never sent, or the server itself refused it.

    False for what may have been worked on before it was lost: timeouts, broken connections, what a gateway says of the
    model behind it (502, 504, 520 ...), a reply that cannot be read, cancellation. An engine that held a call back sets
    `unsent` on the error, a refused connection `refused`.
    """
    if getattr(error, "unsent", False) or getattr(error, "refused", False):
        return True
    if isinstance(error, TimeoutError | dspy_errors.LMTimeoutError):
        return False
    status = getattr(error, "status", None)
    if isinstance(error, _NEVER_SENT) or status in _FAILED:
        return True
    return isinstance(status, int) and 400 <= status < 500 and status not in _LOST
