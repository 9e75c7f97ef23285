"""Rows on disk: parquet shards that are whole or absent, in the order of the commits."""

import asyncio
import contextlib
import io
import threading
from collections.abc import Callable, Collection
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seedbed.storage.shards.place import Place

SHARD = 1000  # rows
ENDING, ASIDE = ".parquet", ".new"


class Shards:
    """A series of parquet files `NAME-00000.parquet`, ... of 1,000 rows in a place.

    The same rows in the same order give the same files, so a run that starts again repairs its files. While `aside`
    is set, existing files are not changed, and new ones wait beside them until `settle` moves all into place.
    Its methods may be called in any thread; they wait for each other.

    Args:
        look: called before a shard is written, for example to check that a URL still belongs to this run.
    """

    def __init__(self, place: Place, name: str, schema: pa.Schema, look: Callable[[], object] = lambda: None) -> None:
        self.place, self.name, self.schema, self.count, self.aside = place, name, schema, 0, False
        self._look = look
        self._rows: list[dict[str, Any]] = []
        self._written, self._lock = set[str](), threading.RLock()

    @property
    def held(self) -> int:
        """Rows in the existing shards. Raises UserError if they cannot be read."""
        with self.place.speaking(ENDING):
            names = sorted(self._names(ENDING))
            return (len(names) - 1) * SHARD + self._length(names[-1]) if names else 0

    @property
    def names(self) -> list[str]:
        """The names of the shards of these rows that are written."""
        return sorted(self._written)

    async def add(self, row: dict[str, Any]) -> None:
        """Append a row; a full shard is written before it returns. Raises UserError if it cannot be."""
        self._rows.append(row)
        self.count += 1
        if len(self._rows) == SHARD:
            await to_the_end(self._write)
            self._rows = []

    def take(self, source: "Shards") -> bool:
        """Move the rows of another series, which has no full shard yet, into this empty one. Returns whether that was
        possible."""
        if self.count or not source.count or len(source._rows) < source.count:
            return False
        self._rows, self.count = source._rows, source.count
        source._rows, source.count, source._written = [], 0, set()
        return True

    def close(self) -> None:
        """Write the remaining rows, and remove the shards of an earlier state. Raises UserError if that fails.

        Rows may be added afterwards: then the last shard is written again."""
        self.flush()
        self.settle(self.names)

    def flush(self) -> None:
        """Write the remaining rows. Raises UserError if that fails."""
        if self._rows:
            self._write()

    def settle(self, names: Collection[str]) -> None:
        """Keep exactly these shards: move the files that wait aside into place, and remove all others. If it was
        interrupted, it can be repeated, also by another process. Raises UserError if that fails."""
        with self._lock, self.place.speaking(ENDING):
            files_aside = self._names(ENDING + ASIDE)
            for name in names:
                if name + ASIDE in files_aside:
                    self.place.move(name + ASIDE, name)
            for name in self._names(ENDING):
                if name not in names:
                    self.place.remove(name)
        self.forget()

    def forget(self) -> None:
        """Remove the files that wait aside, also those of a killed invocation. Raises UserError if that fails."""
        with self._lock, self.place.speaking(ENDING + ASIDE):
            for name in self._names(ENDING + ASIDE):
                self.place.remove(name)

    def _write(self) -> None:
        self._look()
        name = f"{self.name}-{(self.count - 1) // SHARD:05d}{ENDING}"
        with self._lock, self.place.speaking(name):
            whole = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(self._rows, self.schema), whole)
            if not self.aside:
                self.place.save(name, whole.getvalue())
            elif self.place.load(name) != whole.getvalue():
                self.place.save(name + ASIDE, whole.getvalue())
            self._written.add(name)

    def _length(self, name: str) -> int:
        """Rows of the shard with this name; 0 if it is damaged."""
        whole = io.BytesIO(self.place.load(name) or b"")
        try:
            return int(pq.read_metadata(whole).num_rows)
        except (OSError, pa.ArrowInvalid):
            return 0

    def _names(self, ending: str) -> list[str]:
        names = self.place.names()
        return [name for name in names if name.startswith(f"{self.name}-") and name.endswith(ending)]


async def to_the_end(work: Callable[[], object]) -> None:
    """Do the work in a thread, which cannot be stopped. If cancelled, wait until the thread ends."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        while not thread.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        raise
