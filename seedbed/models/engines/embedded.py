"""The embedded models: GGUF files that llama.cpp serves on this machine, each on loopback with its own key."""

import asyncio
import contextlib
import functools
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dspy import lm15

from programs.core.row import digest
from seedbed.config.catalogue import shelf
from seedbed.config.models import ModelEntry
from seedbed.config.reference import OnShelf, parse
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.engine import Shared, continuing, record_wait
from seedbed.models.engines.prefix import Prefixes
from seedbed.models.shelf import servers
from seedbed.models.shelf.servers import POOL, Server
from seedbed.models.shelf.serving import SLOTS, Serving, serving
from seedbed.models.shelf.weights import Weights, weights

LOGPROBS = 10  # alternatives a token; llama.cpp returns them on both paths, and they do not change the reply
TIMEOUT = 300.0  # seconds for a call
TURNS = asyncio.Semaphore(1)
"""Models that handle one call at a time take turns, so that each has all the cores (docs/benchmarks.md)."""


class EmbeddedEngine(Shared):
    """An engine over a model on this machine. Its server starts with the first call.

    Args:
        entry: with a model `embedded/...`. base: the folder that paths start from.

    Raises UserError for a file that is absent or cannot be served. The file of a shelf model is read at the first call,
    so a replay does not need it.
    """

    enforces_schema, continues, logprobs, scores = True, True, LOGPROBS, True

    def __init__(self, entry: ModelEntry, base: Path) -> None:
        self.model, self._entry, self._base = entry.model, entry, base
        self.identity = identity(entry.model, base) + (f"|{digest(entry.extra)}" if entry.extra else "")
        self.concurrency = entry.slots or SLOTS
        self._opening: asyncio.Task[tuple[Server, EndpointEngine]] | None = None

    @property
    def chats(self) -> bool:
        """Whether the model has a chat template."""
        return self._weights.header.template is not None

    @functools.cached_property
    def _weights(self) -> Weights:
        return weights(self.model, self._base)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if self._opening is None:  # a gigabyte may have to be hashed first, off the event loop
            await asyncio.to_thread(lambda: self._weights)
        if not (continuing() or self.chats):
            raise lm15.InvalidRequestError(
                f"{self._weights.files[0].name} has no chat template: it can only continue text (completions), "
                "as the compact format asks it to"
            )
        self._opening = self._opening or asyncio.ensure_future(asyncio.to_thread(self._open))
        server, endpoint = await asyncio.shield(self._opening)
        try:
            start = time.monotonic()
            async with TURNS if self.concurrency == 1 else contextlib.nullcontext():
                record_wait(time.monotonic() - start)
                return await endpoint.complete(request)
        except lm15.TransportError as error:
            if reason := server.ended():
                raise lm15.ConfigurationError(f"{self.model}: {reason}") from error
            raise

    async def aclose(self) -> None:
        opening, self._opening = self._opening, None
        if opening:
            await asyncio.wait([opening])
            if not opening.exception():
                server, endpoint = opening.result()
                await endpoint.aclose()
                await asyncio.to_thread(POOL.release, server)

    def _open(self) -> tuple[Server, EndpointEngine]:
        server = POOL.hold(self.model, self._weights, serving(self._entry, self._weights.header))
        timeout = self._entry.timeout if "timeout" in self._entry.model_fields_set else TIMEOUT
        return server, EndpointEngine(
            f"{server.address}/v1",
            self.model,
            server.key,
            concurrency=self.concurrency,
            timeout=timeout,
            continues=True,
            logprobs=LOGPROBS,
            scoring="llama.cpp",
            prefixes=Prefixes() if self.concurrency == 1 else None,
            identity=self.identity,
            extra=self._entry.extra,
        )


def identity(model: str, base: Path) -> str:
    """What its replies depend on besides the request. A shelf model's identity is known without its file."""
    reference = parse(model)
    if isinstance(reference, OnShelf):
        return f"{model}|{shelf()[reference.name].sha256[:16]}"
    return weights(model, base).identity


def record(entry: ModelEntry, base: Path) -> dict[str, Any]:
    """The record of an embedded model for manifests and run.json, besides the version of xllamacpp."""
    model_weights = weights(entry.model, base)
    return {
        "file": model_weights.files[0].name,
        "sha256": model_weights.sha256,
        **({"revision": model_weights.revision} if model_weights.revision else {}),
        **asdict(serving(entry, model_weights.header)),
    }


def check_memory(entries: Sequence[ModelEntry], base: Path, copies: int = 1) -> None:
    """Raises UserError if this machine has too little memory to serve these models together, each in `copies` copies.
    All copies share the pages of the weights' file; each has its own memory for the rest."""
    total, served = 0, set[tuple[str, Serving]]()
    for entry in entries:
        model_weights = weights(entry.model, base)
        settings = serving(entry, model_weights.header)
        if (model_weights.identity, settings) not in served:  # aliases of one model share a server
            served.add((model_weights.identity, settings))
            alone = settings.memory(model_weights.header, model_weights.bytes)
            total += alone + (copies - 1) * max(0, alone - model_weights.bytes)
    names = ", ".join(dict.fromkeys(entry.model for entry in entries))
    servers.check_memory(f"{f'{copies} copies of ' if copies > 1 else ''}{names}: serving takes", total)
