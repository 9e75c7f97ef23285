"""A model server on loopback that misbehaves to order: each request meets the next behaviour of its plan."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from support.loopback import Loopback

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hostile(Loopback):
    """The server. `plan(a, b, c)` answers with a, b, then c for ever.

    Attributes:
        bodies, paths, headers: what was asked, one entry a request. inside, most: how many requests are in flight, and
        were at once.
    """

    def forget(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.most = self.inside = 0
        self._plan: list[Behaviour] = [says("fine")]

    def plan(self, *behaviours: Behaviour) -> None:
        """What the coming requests meet; the last one stays."""
        self._plan = list(behaviours)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.bodies.append(json.loads(raw) if request.content_type == "application/json" else {})
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        behave = self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return await behave(request)
        finally:
            self.inside -= 1


def completion(text: str | None) -> dict[str, Any]:
    """A whole chat completion."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def says(text: str, after: float = 0.0) -> Behaviour:
    """A good completion, in the shape of the path that was asked."""

    async def behave(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(after)
        body = completion(text)
        if not request.path.endswith("chat/completions"):
            body["choices"] = [{"index": 0, "finish_reason": "stop", "text": text}]
        return web.json_response(body)

    return behave


def status(code: int, said: str = "no", **headers: str) -> Behaviour:
    """A refusal; a header's name is written with underscores."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=code, text=said, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return behave


def sends(body: bytes | dict[str, Any], content_type: str = "application/json") -> Behaviour:
    """These bytes with a 200, whatever they are."""

    async def behave(request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=raw, content_type=content_type)

    return behave


def refusal(said: str) -> dict[str, Any]:
    """A completion in which the model declines, as OpenAI puts it: no content, its words beside it."""
    body = completion(None)
    body["choices"][0]["message"]["refusal"] = said
    return body


def filtered() -> dict[str, Any]:
    """A completion that the provider's content filter emptied."""
    body = completion("")
    body["choices"][0]["finish_reason"] = "content_filter"
    return body


def well_after(seconds: float, until: Behaviour) -> Behaviour:
    """`until` for so long after its first request, then "fine"."""
    began: list[float] = []

    async def behave(request: web.Request) -> web.StreamResponse:
        now = asyncio.get_running_loop().time()
        began.append(now)
        return await (until if now - began[0] < seconds else says("fine"))(request)

    return behave


def trickles(whole: Behaviour, pause: float) -> Behaviour:
    """The reply of `whole` in a dozen pieces, that far apart in seconds."""

    async def behave(request: web.Request) -> web.StreamResponse:
        made = await whole(request)
        assert isinstance(made, web.Response)
        assert isinstance(made.body, bytes)
        reply = web.StreamResponse(headers={"content-type": "application/json"})
        await reply.prepare(request)
        size = len(made.body) // 12 + 1
        for start in range(0, len(made.body), size):
            await reply.write(made.body[start : start + size])
            await asyncio.sleep(pause)
        return reply

    return behave


def packs(body: bytes, encoding: str) -> Behaviour:
    """These bytes, said to be compressed so."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"content-encoding": encoding, "content-type": "application/json"})

    return behave


async def hangs(request: web.Request) -> web.StreamResponse:
    """Takes the request and never answers."""
    await asyncio.sleep(30)
    return web.Response()


async def resets(request: web.Request) -> web.StreamResponse:
    """Breaks the connection in the middle of the body."""
    reply = web.StreamResponse(headers={"content-type": "application/json", "content-length": "4000"})
    await reply.prepare(request)
    await reply.write(b'{"choices": [')
    assert request.transport
    request.transport.abort()
    return reply


async def drips(request: web.Request) -> web.StreamResponse:
    """Sends a byte now and then, so that no read ever times out by itself."""
    reply = web.StreamResponse(headers={"content-type": "application/json"})
    await reply.prepare(request)
    for _ in range(300):
        await reply.write(b" ")
        await asyncio.sleep(0.1)
    return reply


def dead_port() -> str:
    """The address of a server that is not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}/v1"
