"""As much of an Argilla server as its SDK needs to take a dataset from disk: it gives back what it gets, with an id."""

import json
import uuid
from typing import Any

from aiohttp import web
from support.loopback import Loopback

ME = {"username": "me", "role": "owner"}
LISTS = ("fields", "questions", "metadata-properties", "vectors-settings")


class ArgillaServer(Loopback):
    """`got`: the records that it was sent."""

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def forget(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.parts: dict[str, list[Any]] = {}

    @property
    def url(self) -> str:
        return self.base.removesuffix("/v1")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path, body = request.path, json.loads(await request.read() or b"{}")
        part = path.rsplit("/", 1)[-1]
        if path.endswith("/records/bulk"):
            self.got += body["items"]
            return web.json_response({"items": [_record(item) for item in body["items"]]})
        if request.method == "POST":
            made = _with_id(body)
            self.parts.setdefault(part, []).append(made)
            return web.json_response(made, status=201)
        return web.json_response(self._stored(path, part))

    def _stored(self, path: str, part: str) -> dict[str, Any]:
        """What a question about the server's state gets."""
        if part == "me":
            return _with_id(ME)
        if part == "workspaces":
            return {"items": [WORKSPACE]}
        if "/workspaces/" in path:
            return WORKSPACE
        if part == "publish" or ("/datasets/" in path and part not in LISTS):
            return self.parts["datasets"][0] | {"status": "ready"}
        return {"items": self.parts.get(part, []) if part in LISTS else []}


def _with_id(body: dict[str, Any]) -> dict[str, Any]:
    times = dict.fromkeys(("inserted_at", "updated_at"), "2026-01-01T00:00:00")
    return {**body, **times, "id": str(uuid.uuid4())}


def _record(item: dict[str, Any]) -> dict[str, Any]:
    return _with_id({**item, "suggestions": [], "responses": [], "vectors": {}, "status": "pending"})


WORKSPACE = _with_id({"name": "default"})
