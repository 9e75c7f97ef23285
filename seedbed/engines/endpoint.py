"""Any OpenAI-compatible server, over aiohttp: one attempt a call, and no connection cap of its own."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import aiohttp
import orjson
from dspy import lm15

from programs.candidate import digest
from seedbed.engines.engine import Shared, beyond_belief, continuing, loaded
from seedbed.engines.prefix import Prefixes
from seedbed.engines.scoring import DIALECTS, Dialect, continuation_of
from seedbed.terminal import readable

MOST = 16_000_000  # bytes of a reply; 20 alternatives a token take two or three thousand


class EndpointEngine(Shared):
    """`POST {base}/chat/completions`, or `/completions` where a prompt is to be continued.

    Args:
        base: the server's address up to and with `/v1`. model: the name it knows the model by.
        key: sent as a bearer token; never stored. concurrency: calls in flight at most, which `Limited` sees to.
        timeout: seconds for one attempt, from connecting to the last byte.
        logprobs: alternatives a token it gives log-probabilities of, 0 to 20. scoring: the dialect in which it tells
        how likely a given reply is; None where it cannot. prefixes: of a llama.cpp server of ours with one slot.
        extra: further body keys (sampling the server knows and DSPy does not).
    """

    def __init__(
        self,
        base: str,
        model: str,
        key: str | None,
        *,
        concurrency: int,
        timeout: float,
        enforces_schema: bool = True,
        continues: bool = False,
        logprobs: int = 0,
        scoring: Dialect | None = None,
        prefixes: Prefixes | None = None,
        identity: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.base, self.model, self._key = base.rstrip("/"), model, key
        self.identity = identity or f"{self.base}|{model}|{digest(extra or {})}"
        self.enforces_schema, self.continues, self.logprobs = enforces_schema, continues, logprobs
        self.concurrency, self.scores, self._scoring = concurrency, scoring is not None, scoring
        self._prefixes = prefixes
        self._timeout, self._extra = timeout, extra or {}
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if (continuation := continuation_of(request)) is not None:
            return await self._likelihood(request, continuation)
        if continuing():
            return await self._post("completions", self._continuation(request) | self._cold(request))
        body = self._chat(request)
        if cold := self._cold(request):
            cold["cache_prompt"] = await self._begun(body)
        return await self._post("chat/completions", body | cold)

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()

    async def _likelihood(self, request: lm15.Request, continuation: str) -> lm15.Response:
        """The continuation, with the log-probability of each of its tokens."""
        if self._scoring is None:
            raise lm15.UnsupportedFeatureError(f"{self.model}: nobody said how it tells the likelihood of a text")

        try:
            told = await DIALECTS[self._scoring](self._told, self._chat(request), continuation)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise lm15.ServerError(f"the server's reply holds no log-probabilities ({error!r})") from error
        response = _response(orjson.dumps(told), self.model)
        if response.message.text != continuation or not response.logprobs:
            raise lm15.ServerError("the server gave the likelihood of another text, or none")
        return response

    async def _begun(self, body: dict[str, Any]) -> bool:
        """Whether the server was put into the state in which it has read the prompt's beginning."""
        try:
            return self._prefixes is not None and await self._prefixes.restore(self._told, body["messages"])
        except (ValueError, KeyError, TypeError) as error:
            raise lm15.ServerError(f"the server kept no beginning of a prompt ({error!r})") from error

    async def _told(self, path: str, body: dict[str, Any]) -> Any:
        return loaded(await self._sent(urljoin(f"{self.base}/", path), body))

    async def _post(self, path: str, body: dict[str, Any]) -> lm15.Response:
        return _response(await self._sent(f"{self.base}/{path}", body), self.model)

    async def _sent(self, address: str, body: dict[str, Any]) -> bytes:
        """The body of the reply to a POST. Raises lm15's errors for whatever is no good reply."""
        session = self._session = self._session or self._connect()
        try:
            async with session.post(address, data=orjson.dumps(body), allow_redirects=False) as reply:
                raw = await _read(reply)
        except TimeoutError as error:
            raise lm15.TimeoutError(f"no reply within {self._timeout:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise _refused(f"cannot connect to {self.base}: {error.os_error.strerror or error}") from error
        except aiohttp.InvalidURL as error:
            raise _refused(f"{self.base} is not an address") from error
        except aiohttp.ClientError as error:
            raise lm15.TransportError(f"the connection to {self.base} broke: {type(error).__name__}") from error
        if reply.status != 200:
            raise _refusal(reply.status, raw, reply.headers)
        if len(raw) > MOST:
            raise lm15.InvalidRequestError(f"the reply is longer than {MOST // 10**6} MB, and was read no further")
        return raw

    def _connect(self) -> aiohttp.ClientSession:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )

    def _chat(self, request: lm15.Request) -> dict[str, Any]:
        system = [{"role": "system", "content": request.system}] if request.system else []
        messages = [{"role": message.role, "content": message.text or ""} for message in request.messages]
        return {
            "model": self.model,
            "messages": system + messages,
            **_sampling(request.config),
            **({"logprobs": True, "top_logprobs": top} if (top := request.config.logprobs) is not None else {}),
            **self._extra,
        }

    def _continuation(self, request: lm15.Request) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": request.messages[-1].text,
            **_sampling(request.config),
            **({"logprobs": top} if (top := request.config.logprobs) is not None else {}),
            **self._extra,
        }

    def _cold(self, request: lm15.Request) -> dict[str, Any]:
        """llama.cpp's key for a prompt that is read whole: log-probabilities enter scores, and with what earlier calls
        left in its cache they differ by up to 0.07."""
        return {"cache_prompt": False} if self._scoring == "llama.cpp" and request.config.logprobs is not None else {}


def _sampling(config: lm15.Config) -> dict[str, Any]:
    names = (
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    )
    body = {name: value for name in names if (value := getattr(config, name)) is not None}
    if config.stop:
        body["stop"] = list(config.stop)
    if config.response_format:
        body["response_format"] = _response_format(dict(config.response_format))
    return body


def _response_format(asked: dict[str, Any]) -> dict[str, Any]:
    """lm15 names a schema and its settings side by side; OpenAI's wire nests them."""
    kind = asked.pop("type")
    return {"type": kind, "json_schema": {"name": "reply", **asked}} if kind == "json_schema" else {"type": kind}


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """The body; of one that is longer than MOST, so much that this shows."""
    raw = bytearray()
    async for piece in reply.content.iter_any():
        raw += piece
        if len(raw) > MOST:
            reply.close()
            break
    return bytes(raw)


def _response(raw: bytes, model: str) -> lm15.Response:
    """Read a completion. What is no completion at all counts as the server's failure.

    lm15's reader takes 25 us; building its objects directly takes 22, all of it their own checks.
    """
    try:
        body = loaded(raw)
        if not body["choices"]:
            raise ValueError("no choices")
        body["choices"] = [
            {
                **choice,
                "message": choice.get("message") or {"role": "assistant", "content": choice["text"]},
                "logprobs": _logprobs(choice.get("logprobs")),
            }
            for choice in body["choices"]
        ]
        response = lm15.response_from_openai_chat(body, model=model)
        if beyond_belief(response.usage):
            raise ValueError("no such number of tokens")
        return response
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, lm15.LM15Error) as error:
        raise lm15.ServerError(f"the server's reply is not a completion ({len(raw)} bytes)") from error


def _logprobs(given: Any) -> dict[str, Any] | None:
    """A choice's log-probabilities as chat completions have them; None where there are none to read.

    `/completions` gives them as parallel lists, with a map of alternatives for each token (llama.cpp gives the chat
    shape on both paths). The tokens' bytes are left out, since the journal keeps what is left.
    """
    try:
        tokens = given["content"] if "content" in given else _zipped(given)
        return {"content": [{**_scored(one), "top_logprobs": [*map(_scored, one["top_logprobs"])]} for one in tokens]}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _zipped(given: dict[str, Any]) -> list[dict[str, Any]]:
    lists = zip(given["tokens"], given["token_logprobs"], given["top_logprobs"], strict=True)
    return [
        {"token": token, "logprob": chance, "top_logprobs": [{"token": t, "logprob": c} for t, c in top.items()]}
        for token, chance, top in lists
    ]


def _scored(one: dict[str, Any]) -> dict[str, Any]:
    return {"token": str(one["token"]), "logprob": float(one["logprob"])}


def _refusal(status: int, raw: bytes, headers: Mapping[str, str]) -> lm15.LM15Error:
    said = _readable(raw[:300].decode("utf-8", "replace")) or f"the server says {status} and no more"
    if 300 <= status < 400:
        where = _readable(headers.get("location", "")).partition("?")[0]
        return lm15.ConfigurationError(f"the server redirects to {where or 'nowhere'}", status=status)
    kind = _KINDS.get(status, lm15.ServerError if status >= 500 else lm15.InvalidRequestError)
    if kind is lm15.InvalidRequestError and _TOO_LONG.search(said):
        kind = lm15.ContextLengthError
    if kind is lm15.RateLimitError and "insufficient_quota" in said:
        kind = lm15.BillingError  # OpenAI's word for an empty account, which no waiting fills
    return kind(said, status=status, retry_after=_retry_after(headers))


def _readable(said: str) -> str:
    """In a line, without what a terminal would obey."""
    return " ".join(readable(said).split())


_KINDS: dict[int, type[lm15.LM15Error]] = {
    401: lm15.AuthError,
    402: lm15.BillingError,
    403: lm15.AuthError,
    404: lm15.UnsupportedModelError,
    408: lm15.TimeoutError,
    429: lm15.RateLimitError,
    504: lm15.TimeoutError,
}
_TOO_LONG = re.compile(r"context.*(length|size)|(length|size).*context", re.IGNORECASE)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3).

    None where it asks for none that can be read; 0 where the date is past.
    """
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return _span(float(milliseconds) / 1000)
        asked = headers.get("retry-after", "")
        return (
            _span(float(asked))
            if asked[:1].isdigit()
            else _span(parsedate_to_datetime(asked).timestamp() - time.time())
        )
    except (ValueError, TypeError, OverflowError):
        return None


def _span(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _refused(what: str) -> lm15.TransportError:
    """Nobody listens there: trying again at once is no use."""
    error = lm15.TransportError(what)
    error.refused = True
    return error
