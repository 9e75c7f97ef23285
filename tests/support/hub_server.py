"""The part of the Hugging Face Hub's protocol that its client speaks to list and fetch files, on loopback."""

import asyncio
import hashlib

from aiohttp import web
from support.loopback import Loopback

COMMIT = "c0ffee" + "0" * 34


class HubServer(Loopback):
    """The Hub. `files` is path -> bytes, by repository; `asked` lists method and path of every request; requests with
    another token than `token` are refused, if there is one. `resumed` lists the bytes from which files were asked for.
    Where it `hangs`, nothing is answered."""

    def forget(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.token = ""
        self.resumed: list[int] = []
        self.hangs = False

    @property
    def endpoint(self) -> str:
        """Its address, as HF_ENDPOINT has it."""
        return self.base.removesuffix("/v1")

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}", self._info)
        app.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._info)
        app.router.add_get("/{owner}/{name}/resolve/{revision}/{file:.*}", self._file)
        return app

    async def _info(self, request: web.Request) -> web.Response:
        if self.hangs:
            await asyncio.sleep(60)
        files = self._repository(request)
        siblings = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
        card = {"license": "apache-2.0"}
        return web.json_response({"id": "o/r", "sha": COMMIT, "siblings": siblings, "cardData": card, "private": False})

    async def _file(self, request: web.Request) -> web.Response:
        files = self._repository(request)
        if request.match_info["file"] not in files:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        content = files[request.match_info["file"]]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start:
            self.resumed.append(start)
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return web.Response(body=content[start:], status=206 if start else 200, headers=headers)

    def _repository(self, request: web.Request) -> dict[str, bytes]:
        self.asked.append(f"{request.method} {request.path}")
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        refused = self.token and request.headers.get("authorization") != f"Bearer {self.token}"
        if refused or name not in self.files:
            raise web.HTTPUnauthorized(headers={"X-Error-Code": "RepoNotFound"})
        return self.files[name]
