"""Shards under a URL that fsspec knows, such as an object store's; and how shards are found, wherever they are."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from seedbed.errors import UserError
from seedbed.rows import Shards


class FarShards(Shards):
    """As Shards, in `URL/NAME-00000.parquet`. On an object store a shard is one put, which is seen whole or not at
    all; elsewhere it is written aside and moved.

    Raises UserError where the URL's kind of storage is not known or its library is not installed.
    """

    def __init__(self, url: str, name: str, schema: pa.Schema) -> None:
        super().__init__(Path(), name, schema)
        self.url, (self._fs, self._root) = url, _open(url)

    @property
    def place(self) -> str:
        return self.url

    def _save(self, name: str, table: pa.Table) -> None:
        whole, path = io.BytesIO(), f"{self._root}/{name}"
        pq.write_table(table, whole)
        try:
            self._put(path, whole.getvalue())
        except Exception as error:  # each storage library has errors of its own
            raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error

    def _put(self, path: str, data: bytes) -> None:
        if self._fs.async_impl:  # which object stores' are
            self._fs.pipe_file(path, data)
            return
        aside = f"{path}.part"
        self._fs.makedirs(self._root, exist_ok=True)
        try:
            self._fs.pipe_file(aside, data)
            if self._fs.exists(path):
                self._fs.rm_file(path)  # not every move replaces
            self._fs.mv(aside, path)
        finally:
            if self._fs.exists(aside):
                self._fs.rm_file(aside)

    def _length(self, name: str) -> int:
        path = f"{self._root}/{name}"
        if not self._fs.exists(path):
            return 0
        with self._fs.open(path) as file:
            return int(pq.read_metadata(file).num_rows)

    def _names(self) -> list[str]:
        return [path.rsplit("/", 1)[-1] for path in self._fs.glob(f"{self._root}/{self.name}-*.parquet")]

    def _remove(self, name: str) -> None:
        self._fs.rm_file(f"{self._root}/{name}")


@dataclasses.dataclass(frozen=True)
class Shard:
    """A shard that is there; `fs` is its file system, None is this machine's."""

    path: str
    fs: Any = None

    def read(self, **how: Any) -> pa.Table:
        """Its rows; `how` is `pyarrow.parquet.read_table`'s."""
        return pq.read_table(self.path, filesystem=self.fs, **how)


def shards_of(folder: Path, kind: str) -> list[Shard]:
    """The shards of the run in a folder, of its `rows` or its `rejected`, in order and wherever they are."""
    report = folder / "run.json"
    settings = json.loads(report.read_text(encoding="utf-8"))["config"]["run"] if report.is_file() else {}
    if url := settings.get("shards"):
        fs, root = _open(f"{url}/{kind}")
        return [Shard(path, fs) for path in sorted(fs.glob(f"{root}/*.parquet"))]
    return [Shard(str(path)) for path in sorted(folder.glob(f"{kind}/*.parquet"))]


def _open(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        return url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(
            f"run.shards: {url} cannot be opened: {error}.",
            hint="Install what it names, or write another address: file://, s3://, gs://, ...",
        ) from error
