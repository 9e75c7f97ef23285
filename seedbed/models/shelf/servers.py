"""llama.cpp servers, one per model and process: started at the first call, stopped when nobody uses them."""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

import psutil

from seedbed.errors import UserError
from seedbed.models.shelf.machine import CACHE_MIB, GB, free
from seedbed.models.shelf.serving import Serving
from seedbed.models.shelf.weights import Weights

KILLED = -9  # the exit code of a process that SIGKILL ended
_SPINNING = {"GOMP_SPINCOUNT": "3000"}
"""How long a thread of llama.cpp spins while it waits for another: a hundredth of the default. With the default, other
work on the same cores, such as embedding, slows it from 15 to 6 tokens a second. Alone it makes no difference."""


class Server:
    """A child process that serves a model on loopback, with a key of its own.

    Attributes:
        address: `http://127.0.0.1:PORT`. key: the API key that a call must send.

    Raises UserError where memory does not suffice or llama.cpp refuses the model; its log's last line says why.
    """

    def __init__(self, model: str, weights: Weights, serving: Serving) -> None:
        if not _is_installed():
            raise UserError("The embedded models need xllamacpp.", hint='pip install "seedbed[embedded]"')
        self.weights, self.key, self._model = weights, secrets.token_urlsafe(24), model
        self._most = serving.memory(weights.header, weights.bytes)
        file, log = tempfile.mkstemp(prefix="seedbed-", suffix=".log")
        self.log, self._prompts = Path(log), Path(tempfile.mkdtemp(prefix="seedbed-"))  # saved prompt states
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "seedbed.models.shelf.serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=_SPINNING | os.environ,
            start_new_session=True,  # Ctrl-C goes to this process; the child ends with it
        )
        os.close(file)
        self.address = self._started(serving)

    def _started(self, serving: Serving) -> str:
        assert self._child.stdin
        assert self._child.stdout
        settings = {**asdict(serving), "path": str(self.weights.files[0]), "key": self.key, "cache_mib": CACHE_MIB}
        settings["kept"] = str(self._prompts)
        try:
            self._child.stdin.write(json.dumps(settings) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            pass  # it ended at once, so its address is empty
        if address := self._child.stdout.readline().strip():
            return address
        self._child.wait()
        shutil.rmtree(self._prompts, ignore_errors=True)
        raise UserError(
            f"llama.cpp cannot serve {self._model} ({self.weights.files[0].name}): {self.ended() or self._last_line()}",
            hint=f"Its log is {self.log}. Get the file again, update xllamacpp, or name another model.",
        )

    def ended(self) -> str:
        """How the child ended, in words; "" while it serves."""
        code = self._child.poll()
        if code is None:
            return ""
        if code == KILLED:
            return "its process was killed, as a system does that runs out of memory"
        return f"its process ended ({code}): {self._last_line()}"

    @property
    def reserved(self) -> int:
        """Bytes that it may still take, and its mapped weights, which the system counts as free."""
        with contextlib.suppress(psutil.Error):
            usage = psutil.Process(self._child.pid).memory_info()
            return max(0, self._most - (usage.rss - getattr(usage, "shared", 0)))
        return 0

    def stop(self) -> None:
        """End the child; the memory is free when this returns."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()
        self.log.unlink(missing_ok=True)
        shutil.rmtree(self._prompts, ignore_errors=True)

    def _last_line(self) -> str:
        """The log's line with the cause: llama.cpp names a model's fault in one line, and its failure in several."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        faults = [line.partition("error loading model: ")[2] for line in lines if "error loading model: " in line]
        plain = [line for line in lines if not line.startswith(("Traceback", " ", "RuntimeError"))]
        return (faults or plain or ["it said nothing"])[-1]


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None


class _Pool:
    """The servers of this process; callers of `hold` share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, Serving], tuple[Server, int]] = {}

    def hold(self, model: str, weights: Weights, serving: Serving) -> Server:
        """The server of a model; starts it unless it runs. Raises UserError where it cannot start."""
        with self._lock:
            server, holders = self._servers.get((weights.identity, serving), (None, 0))
            if server is None or server.ended():
                check_memory(f"{model}: serving takes", serving.memory(weights.header, weights.bytes))
                server, holders = Server(model, weights, serving), 0
            self._servers[weights.identity, serving] = server, holders + 1
            return server

    def release(self, server: Server) -> None:
        """Stop the server if nobody else holds it."""
        with self._lock:
            for key, (running, holders) in list(self._servers.items()):
                if running is server:
                    self._servers[key] = server, holders - 1
                    if holders == 1:
                        del self._servers[key]
                        server.stop()

    def stop(self) -> None:
        """Stop all servers, at the end of the process."""
        for server, _ in self._servers.values():
            server.stop()
        self._servers.clear()

    def reserved(self) -> int:
        """Bytes that the running servers may still take."""
        return sum(server.reserved for server, _ in self._servers.values())


POOL = _Pool()
atexit.register(POOL.stop)


def check_memory(phrase: str, size: int) -> None:
    """Raises UserError unless `size` bytes are free. `phrase` begins the message and ends with its verb."""
    if size > (available := max(0, free() - POOL.reserved())):
        raise UserError(
            f"{phrase} up to {size / GB:.1f} GB of memory, and {available / GB:.1f} GB are free.",
            hint="Name a smaller model, or set a smaller context or fewer slots in its entry.",
        )
