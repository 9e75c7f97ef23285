"""llama.cpp servers, one a model and process: started when first asked, stopped when nobody needs them."""

import atexit
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from seedbed.errors import UserError
from seedbed.shelf.gguf import Header
from seedbed.shelf.memory import CACHE_MIB, free, needed
from seedbed.shelf.weights import Weights

GB = 1e9
_SPINNING = {"GOMP_SPINCOUNT": "3000"}
"""How long a thread of llama.cpp spins while it waits for another; by default a hundred times longer. Where an embedder
or a second model works on the same cores, that is 15 tokens a second instead of 6; alone it makes no difference."""


@dataclass(frozen=True)
class Settings:
    """How a model is served: `context` tokens for each of `slots` calls at once, on `threads` threads, with
    `gpu_layers` of its layers on a GPU (-1: all that the build of llama.cpp can)."""

    context: int
    slots: int
    threads: int
    gpu_layers: int

    def memory(self, header: Header, weights: int) -> int:
        """Bytes that serving takes at most, were all of it in the machine's memory."""
        return needed(header, weights, context=self.context, slots=self.slots)


def cores() -> int:
    """Cores this process may use; threads beyond them, and a core's second thread, slow llama.cpp down."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, psutil.cpu_count(logical=False) or usable)


class Server:
    """A model served on loopback by a child process, with a key of its own.

    Attributes:
        address: `http://127.0.0.1:PORT`. key: what a call must show.

    Raises UserError where memory does not suffice or llama.cpp refuses the model; its log's last line says why.
    """

    def __init__(self, model: str, weights: Weights, settings: Settings) -> None:
        if not _is_installed():
            raise UserError("The embedded models need xllamacpp.", hint='pip install "seedbed[embedded]"')
        self.weights, self.key, self._model = weights, secrets.token_urlsafe(24), model
        file, log = tempfile.mkstemp(prefix="seedbed-", suffix=".log")
        self.log = Path(log)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "seedbed.shelf.serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=_SPINNING | os.environ,
            start_new_session=True,  # Ctrl-C is for us; the child ends when we do
        )
        os.close(file)
        self.address = self._started(settings)

    def _started(self, settings: Settings) -> str:
        assert self._child.stdin
        assert self._child.stdout
        asked = {**asdict(settings), "path": str(self.weights.files[0]), "key": self.key, "cache_mib": CACHE_MIB}
        try:
            self._child.stdin.write(json.dumps(asked) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            pass  # it ended at once, as an empty address tells
        if address := self._child.stdout.readline().strip():
            return address
        self._child.wait()
        raise UserError(
            f"llama.cpp cannot serve {self._model} ({self.weights.files[0].name}): {self.ended() or self._last_line()}",
            hint=f"Its log is {self.log}. Get the file again, update xllamacpp, or name another model.",
        )

    def ended(self) -> str:
        """How the child ended, in words; empty while it serves."""
        code = self._child.poll()
        if code is None:
            return ""
        if code == -signal.SIGKILL:
            return "its process was killed, as a system does that runs out of memory"
        return f"its process ended ({code}): {self._last_line()}"

    def stop(self) -> None:
        """End the child; the memory is free when this returns."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()
        self.log.unlink(missing_ok=True)

    def _last_line(self) -> str:
        """What the log says of why: a model's fault has a line of its own, before those of who met it."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        faults = [line.partition("error loading model: ")[2] for line in lines if "error loading model: " in line]
        shown = [line for line in lines if not line.startswith(("Traceback", " ", "RuntimeError"))]
        return (faults or shown or ["it said nothing"])[-1]


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None


class _Pool:
    """The servers of this process, each shared by all who hold it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, Settings], tuple[Server, int]] = {}

    def hold(self, model: str, weights: Weights, settings: Settings) -> Server:
        """The server of a model, started unless it runs. Raises UserError where it cannot be."""
        with self._lock:
            server, holders = self._servers.get((weights.identity, settings), (None, 0))
            if server is None or server.ended():
                self._check_memory(model, weights, settings)
                server, holders = Server(model, weights, settings), 0
            self._servers[weights.identity, settings] = server, holders + 1
            return server

    def release(self, server: Server) -> None:
        """Stop it if nobody else holds it."""
        with self._lock:
            for key, (running, holders) in list(self._servers.items()):
                if running is server:
                    self._servers[key] = server, holders - 1
                    if holders == 1:
                        del self._servers[key]
                        server.stop()

    def stop(self) -> None:
        """Stop all, at the end of the process."""
        for server, _ in self._servers.values():
            server.stop()
        self._servers.clear()

    def _check_memory(self, model: str, weights: Weights, settings: Settings) -> None:
        """Weights are mapped into memory, which counts as free though no other model may have it too."""
        left = free() - sum(server.weights.bytes for server, _ in self._servers.values())
        if (most := settings.memory(weights.header, weights.bytes)) > left:
            raise UserError(
                f"{model} takes up to {most / GB:.1f} GB of memory with context {settings.context:,} and "
                f"{settings.slots} slots, and {max(0, left) / GB:.1f} GB are free.",
                hint="Name a smaller model, or set a smaller context or fewer slots in its entry.",
            )


POOL = _Pool()
atexit.register(POOL.stop)
