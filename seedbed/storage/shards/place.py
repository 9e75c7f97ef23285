"""A place for whole files: a folder of this machine, or a URL; a file there is whole or absent."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from programs.core.whole import write_whole
from seedbed.errors import UserError


class Place(Protocol):
    """The contract that `Folder` and `RemoteFolder` keep. All methods raise OSError; within `speaking` that is a
    UserError. `address` is for messages."""

    address: str

    def speaking(self, name: str) -> AbstractContextManager[None]:
        """Turn an OSError into a UserError that names the file and the remedy."""

    def save(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""

    def load(self, name: str) -> bytes | None:
        """The content of a file; None if there is no such file."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def move(self, name: str, to: str) -> None:
        """Rename a file, over an existing one."""

    def names(self) -> list[str]:
        """The names of the files."""


class Folder:
    """A folder of this machine; it is made when the first file is saved."""

    def __init__(self, path: Path) -> None:
        self.path, self.address = path, str(path)

    def speaking(self, name: str) -> AbstractContextManager[None]:
        return spoken(self.address, name)

    def save(self, name: str, data: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / name, lambda aside: aside.write_bytes(data))

    def load(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        (self.path / name).unlink()

    def move(self, name: str, to: str) -> None:
        (self.path / name).replace(self.path / to)

    def names(self) -> list[str]:
        return [path.name for path in self.path.glob("*")]


@contextlib.contextmanager
def spoken(address: str, name: str) -> Iterator[None]:
    """Turn an OSError into a UserError about this file of this place."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write {address}/{name}: {error.strerror or error}.",
            hint="Make room or choose another --out, then run the same command again; finished calls are kept.",
        ) from error
