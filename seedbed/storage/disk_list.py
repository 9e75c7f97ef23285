"""A sequence on disk: memory holds only the place where each item ends."""

import os
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, overload

from seedbed.errors import UserError

T = TypeVar("T")


class DiskList(Sequence[T]):
    """A list of items in a nameless temporary file (in TMPDIR), which disappears with the list. Each access reads the
    item anew, so it is equal to the original but not the same object. Any thread may read.

    Takes 8 bytes of memory per item. Raises UserError if there is no room for the file.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._ends = array("Q", [0])
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by the finalizer
        weakref.finalize(self, self._file.close)
        for item in items:
            self.append(item)

    def append(self, item: T) -> None:
        """Add an item at the end. Must not run while another thread reads."""
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        with _room():
            self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        places = range(len(self))[index]  # handles negative indices and raises IndexError
        return self._read(places) if isinstance(places, int) else [self._read(place) for place in places]

    def _read(self, place: int) -> T:
        start, end = self._ends[place], self._ends[place + 1]
        item: T = pickle.loads(os.pread(self._file.fileno(), end - start, start))
        return item


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The texts do not fit into {tempfile.gettempdir()}: {error.strerror}.",
            hint="Make room there, or set TMPDIR to a folder on a larger disk.",
        ) from error
