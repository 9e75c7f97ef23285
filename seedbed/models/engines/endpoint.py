"""Any OpenAI-compatible server, over aiohttp: one attempt per call, without a limit on connections."""

from typing import Any
from urllib.parse import urljoin

import aiohttp
import orjson
from dspy import lm15

from programs.core.row import digest
from seedbed.config.models import Dialect
from seedbed.models.engines import bodies
from seedbed.models.engines.completions import completion
from seedbed.models.engines.concessions import Concessions
from seedbed.models.engines.engine import Shared, continuing, loaded
from seedbed.models.engines.http_errors import refusal
from seedbed.models.engines.prefix import Prefixes
from seedbed.models.engines.scoring import DIALECTS, continuation_of

MOST = 16_000_000  # bytes of a reply; 20 alternatives a token take two or three thousand


class EndpointEngine(Shared):
    """`POST {base}/chat/completions`, or `/completions` to continue a prompt.

    If a server refuses the system's role or `max_tokens`, the request is changed and sent again; later ones are changed
    at once.

    Args:
        base: the server's address including `/v1`. model: its name on the server.
        key: sent as a bearer token; never stored. concurrency: the most calls in flight; `Limited` enforces it.
        timeout: seconds for one attempt, from connecting to the last byte.
        logprobs: alternatives per token with log-probabilities, 0 to 20. scoring: the dialect for the likelihood of a
        given reply; None if the server has none. prefixes: for our own llama.cpp server with one slot.
        extra: more body keys (sampling options that the server knows and DSPy does not).
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
        self._prefixes, self.concessions = prefixes, Concessions()
        self._timeout, self._extra = timeout, extra or {}
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if (continuation := continuation_of(request)) is not None:
            return await self._likelihood(request, continuation)
        if continuing():
            return await self._post(
                "completions", bodies.continuation(self.model, request, self._extra) | self._cold(request)
            )
        body = bodies.chat(self.model, request, self._extra)
        if cold := self._cold(request):
            cold["cache_prompt"] = await self._restored(body)
        return await self._post("chat/completions", body | cold)

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()

    async def _likelihood(self, request: lm15.Request, continuation: str) -> lm15.Response:
        """The continuation, with the log-probability of each of its tokens."""
        if self._scoring is None:
            raise lm15.UnsupportedFeatureError(f"{self.model}: set `scoring` to get the likelihood of a text")
        body = bodies.chat(self.model, request, self._extra)
        try:
            reply = await DIALECTS[self._scoring](self._json, body, continuation)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise lm15.ServerError(f"the server's reply holds no log-probabilities ({error!r})") from error
        response = completion(orjson.dumps(reply), self.model)
        if response.message.text != continuation or not response.logprobs:
            raise lm15.ServerError("the server returned the likelihood of another text, or none")
        return response

    async def _restored(self, body: dict[str, Any]) -> bool:
        """Whether the server's slot was restored to the state after the prompt's beginning."""
        try:
            return self._prefixes is not None and await self._prefixes.restore(self._json, body["messages"])
        except (ValueError, KeyError, TypeError) as error:
            raise lm15.ServerError(f"the server did not save the state of its slot ({error!r})") from error

    async def _json(self, path: str, body: dict[str, Any]) -> Any:
        return loaded(await self._sent(urljoin(f"{self.base}/", path), self.concessions.adapted(body)))

    async def _post(self, path: str, body: dict[str, Any]) -> lm15.Response:
        """The reply. If the server refuses the form of the request, it is adapted and sent again."""
        while True:
            sent = self.concessions.adapted(body)
            try:
                return completion(await self._sent(f"{self.base}/{path}", sent), self.model)
            except lm15.LM15Error as error:
                self.concessions.learn(str(error), sent)
                if self.concessions.adapted(body) == sent:
                    raise

    async def _sent(self, address: str, body: dict[str, Any]) -> bytes:
        """The body of the reply to a POST. Raises lm15's errors if the request failed."""
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
            raise refusal(reply.status, raw, reply.headers)
        if len(raw) > MOST:
            raise lm15.InvalidRequestError(f"the reply is longer than {MOST // 10**6} MB; the rest was not read")
        return raw

    def _connect(self) -> aiohttp.ClientSession:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )

    def _cold(self, request: lm15.Request) -> dict[str, Any]:
        """llama.cpp's key to read the prompt without its cache. Log-probabilities enter scores, and the cache of
        earlier calls changes them by up to 0.07."""
        return {"cache_prompt": False} if self._scoring == "llama.cpp" and request.config.logprobs is not None else {}


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """The body. Reading stops just after MOST bytes."""
    raw = bytearray()
    async for piece in reply.content.iter_any():
        raw += piece
        if len(raw) > MOST:
            reply.close()
            break
    return bytes(raw)


def _refused(message: str) -> lm15.TransportError:
    """The error for an address at which nothing listens: an immediate retry does not help."""
    error = lm15.TransportError(message)
    error.refused = True
    return error
