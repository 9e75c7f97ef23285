"""A worker's log: what it did, on its own disk before anyone hears of it, in a file that a kill cannot spoil."""

import asyncio
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from seedbed.errors import UserError
from seedbed.runs.ray.messages import Broken, Failure, ToDriver, dumped

LARGEST = 64 << 20  # bytes: a file that grew beyond is begun anew, with what was not heard of yet
_HEAD = struct.Struct("<II")  # of a frame: the length of its body, and the body's CRC-32


class Log:
    """Messages to the driver, each a frame, appended to a file and given out in their order. Used on one event loop.

    A frame is in the file when `append` returns and so survives the kill of the process (a crash of the machine takes
    what the system had not written yet). The file is there from the first frame that is kept: a worker that is killed
    before it has done anything leaves none. Raises UserError where the file cannot be written; the news are then told
    so by `Broken`, for whoever appends may not be heard.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._grown = path, asyncio.Event()
        self._fresh = list[tuple[bytes, bool]]()  # frames that were not given out yet, and whether each is kept
        self._file: io.BufferedWriter | None = None

    def append(self, message: ToDriver) -> None:
        """Keep a message, and give it out with the next news."""
        body = dumped(message)
        try:
            self._file = self._file or self._opened()
            self._file.write(_framed(body))
            self._file.flush()
        except OSError as error:
            broken = _unwritable(self.path, error)
            self.tell(Broken(Failure.of(broken)))
            raise broken from error
        self._give(body, kept=True)

    def tell(self, message: ToDriver) -> None:
        """Give a message out with the next news, and do not keep it: it means nothing once the worker is dead."""
        self._give(dumped(message), kept=False)

    async def news(self) -> list[bytes]:
        """The frames since the last time; waits for one. To ask again is to say that those given before are kept
        elsewhere."""
        if self._file and self._file.tell() > LARGEST:
            self._begin_anew(self._file)
        while not self._fresh:
            self._grown.clear()
            await self._grown.wait()
        fresh, self._fresh = self._fresh, []
        return [body for body, _ in fresh]

    def _give(self, body: bytes, *, kept: bool) -> None:
        self._fresh.append((body, kept))
        self._grown.set()

    def _opened(self) -> io.BufferedWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.open("ab")

    def _begin_anew(self, full: io.BufferedWriter) -> None:
        aside = self.path.with_suffix(".part")
        aside.write_bytes(b"".join(_framed(body) for body, kept in self._fresh if kept))
        aside.replace(self.path)
        full.close()
        self._file = self._opened()


def read_log(path: Path) -> Iterator[bytes]:
    """The frames of a log up to the first that is not whole; none where there is no file to read."""
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
