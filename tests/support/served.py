"""Whole runs through the command line against a model server on loopback, with hashed words for an embedder."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiohttp import web
from mock_server import reply
from run import write_project
from support.hostile import Behaviour, Hostile, completion

from seedbed.cli.main import main

KEY = "sk-served-0123456789abcdef"
READ, WRITTEN = 400, 60  # tokens that every reply is said to have taken
INPUT_PRICE, OUTPUT_PRICE, MAX_TOKENS = 1.0, 4.0, 256
COST = (READ * INPUT_PRICE + WRITTEN * OUTPUT_PRICE) / 1e6  # dollars a call


async def well(request: web.Request) -> web.StreamResponse:
    """A reply in the format that is asked for, made of the document's words; the same request, the same reply."""
    asked = json.loads(await request.read())
    text = asked["messages"][-1]["content"]
    mark = zlib.crc32(text.encode()) + int(10 * asked.get("temperature", 0))
    return web.json_response(answer(reply(text, mark)))


def answer(text: str) -> dict[str, Any]:
    """A completion of this text, at COST."""
    usage = {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN}
    return completion(text) | {"usage": usage}


def every(n: int, other: Behaviour) -> Behaviour:
    """Each n-th request meets `other`, the rest are answered well."""
    asked = [0]

    async def behave(request: web.Request) -> web.StreamResponse:
        asked[0] += 1
        return await (well if asked[0] % n else other)(request)

    return behave


def by_model(**behaviours: Behaviour) -> Behaviour:
    """What a request meets depends on the model it names."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return await behaviours[json.loads(await request.read())["model"]](request)

    return behave


class Served:
    """A project whose one model, `mock`, is the server. `run` gives the exit code."""

    def __init__(self, base: Path, server: Hostile) -> None:
        self.base, self.server = base, server
        write_project(base, 100)
        self.change(self._endpoint)
        server.plan(well)

    def _endpoint(self, config: dict[str, Any]) -> None:
        entry = config["models"]["mock"]
        entry |= {"api_base": self.server.base, "api_key": "$SERVED_KEY", "concurrency": 4, "max_tokens": MAX_TOKENS}
        entry |= {"timeout": 5, "input_price": INPUT_PRICE, "output_price": OUTPUT_PRICE}
        config["embedder"], config["run"], config["options"] = "scripted/hashed-words", {}, {"draws": 1}

    def change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Edit the config."""
        path = self.base / "seedbed.yaml"
        config = json.loads(path.read_text(encoding="utf-8"))
        edit(config)
        path.write_text(json.dumps(config), encoding="utf-8")

    def run(self, out: str = "ds", rows: int = 8, *words: str, **sets: Any) -> int:
        """`seedbed run --uncompiled` into a folder; a set's dots are written as double underscores."""
        set_to = [f"--set={key.replace('__', '.')}={json.dumps(value)}" for key, value in sets.items()]
        where = ["-c", str(self.base / "seedbed.yaml"), "--out", str(self.base / out)]
        return main(["run", *where, "--uncompiled", f"--rows={rows}", *set_to, *words])

    def report(self, out: str = "ds") -> dict[str, Any]:
        """run.json of a dataset."""
        found: dict[str, Any] = json.loads((self.base / out / "run.json").read_text(encoding="utf-8"))
        return found

    def rows(self, out: str = "ds", folder: str = "rows") -> list[dict[str, Any]]:
        """Its rows, train first; `folder` may be `rejected`."""
        paths = sorted((self.base / out / folder).glob("*.parquet"))
        return [row for path in paths for row in pq.read_table(path).to_pylist()]

    def bytes(self, out: str = "ds") -> dict[str, bytes]:
        """Its files of accepted and of rejected rows."""
        base = self.base / out
        return {str(path.relative_to(base)): path.read_bytes() for path in sorted(base.glob("r*/*.parquet"))}

    def leaks(self) -> list[Path]:
        """Files below the project that hold the key."""
        return [path for path in self.base.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.fixture
def served(tmp_path: Path, server: Hostile, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A fresh project, and a server that answers well."""
    monkeypatch.setenv("SERVED_KEY", KEY)
    return Served(tmp_path, server)
