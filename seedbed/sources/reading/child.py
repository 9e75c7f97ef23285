"""Reads files in a process of its own: what a bad one can cost is a limit of time and of memory, not the command."""

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

SECONDS, SECONDS_A_MEGABYTE = 60.0, 30.0  # of CPU for a file, so that a busy machine refuses no more than an idle one
MEMORY = 2 << 30  # bytes of address space; only Linux holds a process to it
IDLE = 20  # seconds without an order after which the process leaves
_NEEDED = ("PATH", "PYTHON", "LD_LIBRARY_PATH", "LANG", "LC_", "TMPDIR", "HOME", "VIRTUAL_ENV")
_SERVE = "from seedbed.sources.reading.child import serve; serve({})"


class Child:
    """The process, started when there is something to read. It leaves by itself: idle, or when this process ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()

    def read(self, work: str, data: bytes, suffix: str) -> dict[str, Any]:
        """What `extract.WORK[work]` makes of a file's bytes, or `unreadable` and why, which may be a limit.

        Raises Unreadable where the process broke down, be it by the file or by the machine; UserError where it is gone.
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
            self._pipe, theirs = Pipe()
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE.format(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment() | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the command, which ends this one with it
            )
            theirs.close()
        return self._pipe

    def _ended(self) -> int:
        """How the process ended; 0 where it left because nobody asked it anything."""
        assert self._process
        assert self._pipe
        self._pipe.close()
        self._pipe, code = None, self._process.wait()
        return code


def _environment() -> dict[str, str]:
    """What Python needs to start, and none of the keys that a file might be made to fetch."""
    return {name: value for name, value in os.environ.items() if name.startswith(_NEEDED)}


CHILD = Child()


def serve(number: int) -> None:
    """Answer orders that come through this file descriptor until there are no more."""
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
            return  # what is left of its memory is in pieces
        pipe.send_bytes(json.dumps(answer, ensure_ascii=False).encode(errors="replace"))
        _limit(0, memory)


def _limit(seconds: float, memory: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)  # at its end the process dies, in whatever C code it is


def _size(memory: int) -> str:
    return f"{memory / (1 << 30):.2g} GB of memory"
