"""Reads files in a separate process: a bad file can cost limited time and memory, but not the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from seedbed.errors import Unreadable, UserError

SECONDS, SECONDS_A_MEGABYTE = 60.0, 30.0  # of CPU for a file; not of the clock, which a busy machine loses
MEMORY = 2 << 30  # bytes of address space; only Linux enforces it
IDLE = 20  # seconds without a request after which the process exits
_VARIABLES = ("PATH", "PYTHON", "LD_LIBRARY_PATH", "LANG", "LC_", "TMPDIR", "HOME", "VIRTUAL_ENV")
_SERVE = "from seedbed.sources.reading.child import serve; serve({})"


class Child:
    """The reading process. It starts at the first read; it exits when it is idle or this process ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()

    def read(self, work: str, data: bytes, suffix: str) -> dict[str, Any]:
        """The result of `extract.WORK[work]` for a file's bytes, or `unreadable` with the reason, which may be a limit.

        Raises Unreadable where the process broke down, by the file or by the machine; UserError where it is gone.
        """
        seconds = SECONDS + SECONDS_A_MEGABYTE * len(data) / 1e6
        with self._lock:
            for _ in range(2):
                pipe = self._opened()
                try:
                    pipe.send_bytes(json.dumps([work, suffix, seconds, MEMORY]).encode())
                    pipe.send_bytes(data)
                    answer: dict[str, Any] = json.loads(pipe.recv_bytes())
                    return answer
                except (EOFError, OSError):
                    if (code := self._ended()) == -signal.SIGPROF:
                        return {"unreadable": f"reading it takes more than {seconds:.0f} s"}
                    if code:
                        raise Unreadable(f"its reader broke down on it, or needs more than {_size(MEMORY)}") from None
        raise UserError("The process that reads files does not answer.", hint="Run the same command again.")

    def _opened(self) -> Connection:
        if self._pipe is None:
            self._pipe, child_end = Pipe()
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE.format(child_end.fileno())],
                pass_fds=[child_end.fileno()],
                env=_environment() | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to the command, which then ends this process
            )
            child_end.close()
        return self._pipe

    def _ended(self) -> int:
        """The exit code of the process; 0 where it exited because it was idle."""
        assert self._process
        assert self._pipe
        self._pipe.close()
        self._pipe, code = None, self._process.wait()
        return code


def _environment() -> dict[str, str]:
    """The variables that Python needs to start. Keys are left out, for a malicious file might fetch them."""
    return {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}


CHILD = Child()


def serve(number: int) -> None:
    """Answer the requests that come through this file descriptor, until there are no more."""
    from seedbed.sources.reading.extract import WORK

    pipe = Connection(number)
    while pipe.poll(IDLE):
        try:
            work, suffix, seconds, memory = json.loads(pipe.recv_bytes())
            data = pipe.recv_bytes()
        except EOFError:
            return
        _limit(seconds, memory)
        try:
            answer = WORK[work](data, suffix)
        except Unreadable as error:
            answer = {"unreadable": str(error)}
        except MemoryError:
            pipe.send_bytes(json.dumps({"unreadable": f"reading it takes more than {_size(memory)}"}).encode())
            return  # its memory is too fragmented to go on
        pipe.send_bytes(json.dumps(answer, ensure_ascii=False).encode(errors="replace"))
        _limit(0, memory)


def _limit(seconds: float, memory: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)  # when it runs out the process dies, even inside C code


def _size(memory: int) -> str:
    return f"{memory / (1 << 30):.2g} GB of memory"
