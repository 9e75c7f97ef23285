"""A place at a URL that fsspec can open, such as an object store, and which run its rows belong to."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import TypeVar

import fsspec
from fsspec.core import url_to_fs

from seedbed.errors import UserError
from seedbed.storage.shards.place import spoken

T = TypeVar("T")
RUNS_SHARDS = "r*/*.parquet"  # of rows and of rejected candidates


class RemoteFolder:
    """A place at a URL. On an object store a file is one put, which is atomic; elsewhere it is written aside and moved.

    Raises UserError if the URL's kind of storage is unknown or its library is not installed.
    """

    def __init__(self, url: str) -> None:
        self.address, (self._fs, self._root) = url, open_url(url)

    @contextlib.contextmanager
    def speaking(self, name: str) -> Iterator[None]:
        with spoken(self.address, name), _as_os_error():
            yield

    def save(self, name: str, data: bytes) -> None:
        path = f"{self._root}/{name}"
        if self._fs.async_impl:  # true for object stores
            self._fs.pipe_file(path, data)
            return
        aside = f"{path}.part"
        self._fs.makedirs(self._root, exist_ok=True)
        try:
            self._fs.pipe_file(aside, data)
            self._replace(aside, path)
        finally:
            if self._fs.exists(aside):
                self._fs.rm_file(aside)

    def load(self, name: str) -> bytes | None:
        return _if_there(lambda: bytes(self._fs.cat_file(f"{self._root}/{name}")))

    def remove(self, name: str) -> None:
        self._fs.rm_file(f"{self._root}/{name}")

    def move(self, name: str, to: str) -> None:
        self._replace(f"{self._root}/{name}", f"{self._root}/{to}")

    def names(self) -> list[str]:
        paths = _if_there(lambda: self._fs.ls(self._root, detail=False)) or []
        return [path.rsplit("/", 1)[-1] for path in paths]

    def _replace(self, path: str, to: str) -> None:
        if not _overwrites(self._fs) and self._fs.exists(to):
            self._fs.rm_file(to)
        self._fs.mv(path, to)


def _overwrites(fs: fsspec.AbstractFileSystem) -> bool:
    """Whether a move replaces an existing file: true if it is a copy or a POSIX rename. Other storage refuses it, some
    of it without an error."""
    copies = fs.async_impl or getattr(fs.mv, "__func__", None) is fsspec.AbstractFileSystem.mv
    return copies or not {"file", "sftp"}.isdisjoint(fs.protocol)


def claim(url: str, owner: str, name: str) -> None:
    """Record at a URL that its rows belong to the run `owner`. `name` is the run's folder, for messages.

    On storage that cannot create a file exclusively, the later of two runs wins, so the earlier one must check again.

    Raises UserError if there are rows of another run, or rows without an owner.
    """
    fs, root = open_url(url)
    path = f"{root}/owner"
    with _refused(url), _as_os_error():
        owner_text = _text(fs, path)
        if not owner_text and not fs.glob(f"{root}/{RUNS_SHARDS}"):
            fs.makedirs(root, exist_ok=True)
            _create(fs, path, f"{name} {owner}")
            owner_text = _text(fs, path)
    owner_name, _, current_owner = owner_text.rpartition(" ")
    if current_owner != owner:
        holder = f"another run, {owner_name}" if owner_name else "a run that has left no name"
        raise UserError(
            f"run.shards: {url} holds the rows of {holder}.",
            hint="Choose another address, or remove everything under this one.",
        )


def _text(fs: fsspec.AbstractFileSystem, path: str) -> str:
    """The content of a file; empty if there is none."""
    return (_if_there(lambda: bytes(fs.cat_file(path))) or b"").decode(errors="replace")


def _if_there(read: Callable[[], T]) -> T | None:
    """The result of `read`; None if the file does not exist. `exists` is not asked first: fsspec's `exists` and `glob`
    return False for any failure, and may answer from a cache."""
    try:
        return read()
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.errno == errno.ENOENT:
            return None
        raise


def _create(fs: fsspec.AbstractFileSystem, path: str, text: str) -> None:
    """Write a file unless it exists by now. Storage that cannot tell writes it in any case."""
    try:
        if fs.async_impl:
            fs.pipe_file(path, text.encode(), mode="create")
            return
        with fs.open(path, "xb") as file:
            file.write(text.encode())
    except (TypeError, ValueError, NotImplementedError):
        fs.pipe_file(path, text.encode())
    except Exception:  # each storage has its own error for an existing file
        if not _text(fs, path):
            raise


@contextlib.contextmanager
def _refused(url: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"run.shards: {url} cannot be used: {error}.", hint="Correct it or choose another.") from error


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn the errors of storage libraries into OSError."""
    try:
        yield
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def open_url(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL and the path in it. Raises UserError if it cannot be opened."""
    try:
        return url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(
            f"run.shards: {url} cannot be opened: {error}.",
            hint="Install the library it names, or choose another address: file://, s3://, gs://, ...",
        ) from error
