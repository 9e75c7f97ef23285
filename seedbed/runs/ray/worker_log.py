"""A worker's log: its messages, written to its own disk before they are sent, in a file that survives a kill."""

import asyncio
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from seedbed.errors import UserError
from seedbed.runs.ray.messages import Broken, Failure, ToDriver, dumped

LARGEST = 64 << 20  # bytes: a larger file is rewritten with only the frames that were not sent yet
_HEAD = struct.Struct("<II")  # of a frame: the length of its body, and the body's CRC-32


class Log:
    """Messages to the driver, each a frame, appended to a file and sent in their order. Used on one event loop.

    A frame is in the file when `append` returns, so it survives a kill of the process (a crash of the machine loses
    what the system had not yet written). The first stored frame creates the file: a worker that is killed before leaves
    none. Raises UserError if the file cannot be written; the news then also contain a `Broken`, since the caller of
    `append` may not be able to report the error.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._grown = path, asyncio.Event()
        self._fresh = list[tuple[bytes, bool]]()  # frames not yet sent, and whether each is in the file
        self._file: io.BufferedWriter | None = None

    def append(self, message: ToDriver) -> None:
        """Store a message, and send it with the next news."""
        body = dumped(message)
        try:
            self._file = self._file or self._opened()
            self._file.write(_framed(body))
            self._file.flush()
        except OSError as error:
            broken = _unwritable(self.path, error)
            self.tell(Broken(Failure.of(broken)))
            raise broken from error
        self._give(body, is_kept=True)

    def tell(self, message: ToDriver) -> None:
        """Send a message with the next news without storing it: it is meaningless once the worker is dead."""
        self._give(dumped(message), is_kept=False)

    async def news(self) -> list[bytes]:
        """The frames since the last call; waits for one. A further call confirms that the earlier frames are stored
        elsewhere."""
        if self._file and self._file.tell() > LARGEST:
            self._rewrite(self._file)
        while not self._fresh:
            self._grown.clear()
            await self._grown.wait()
        fresh, self._fresh = self._fresh, []
        return [body for body, _ in fresh]

    def _give(self, body: bytes, *, is_kept: bool) -> None:
        self._fresh.append((body, is_kept))
        self._grown.set()

    def _opened(self) -> io.BufferedWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.open("ab")

    def _rewrite(self, full: io.BufferedWriter) -> None:
        aside = self.path.with_suffix(".part")
        aside.write_bytes(b"".join(_framed(body) for body, is_kept in self._fresh if is_kept))
        aside.replace(self.path)
        full.close()
        self._file = self._opened()


def read_log(path: Path) -> Iterator[bytes]:
    """The frames of a log up to the first incomplete one; none if the file cannot be opened."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            body = file.read(length)
            if len(body) < length or zlib.crc32(body) != crc:
                return
            yield body


def _framed(body: bytes) -> bytes:
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"Cannot write {path}: {error.strerror}.",
        hint="Make room, or choose an --out that every worker can write to; finished calls are kept.",
    )
