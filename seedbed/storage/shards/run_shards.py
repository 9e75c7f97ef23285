"""The shards of a run's rows and rejected candidates, in its folder or under a URL."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedbed.storage.shards.place import Folder, Place
from seedbed.storage.shards.remote_place import RemoteFolder, claim
from seedbed.storage.shards.shards import Shards, to_the_end

SPLITS = ("train", "validation")
MARK = "swap.json"  # exists while shards replace others: for each series, the names of the shards that stay


class RunShards:
    """The shards of one run.

    The shards of an earlier invocation stay until this one has as many rows, or has ended; then this one's shards
    replace them, all at once. If a swap is interrupted, the next invocation finishes it before anything else. So
    readers do not see rows of two settings together for long.

    Args:
        out: the run's folder. url: the place of the shards if they do not go into `out`. rows, rejected: the columns of
        accepted rows and of rejected candidates. owner: the run.

    Raises UserError if the URL cannot be used, or holds another run's rows.
    """

    def __init__(self, out: Path, url: str | None, rows: pa.Schema, rejected: pa.Schema, owner: str) -> None:
        self._out, self._url, self._owner = out, url, owner
        self._claim()
        self._rows = {split: self._shards("rows", split, rows) for split in SPLITS}
        self._rejected = self._shards("rejected", "rejected", rejected)
        self._all = [*self._rows.values(), self._rejected]
        self._place, self._lock, self._begun = self._place_of(""), threading.Lock(), False
        self.undivided = False  # all rows were of held-out documents, and are the train split
        self._take_up()
        self._held = sum(shards.held for shards in self._rows.values())
        self._set_aside(self._held > 0)

    @property
    def splits(self) -> dict[str, int]:
        """Accepted rows by split; splits without rows are omitted."""
        return {split: shards.count for split, shards in self._rows.items() if shards.count}

    async def accept(self, row: dict[str, Any], split: str) -> None:
        """Add a row. Raises UserError if it cannot be written."""
        await self._rows[split].add(row)
        if self._rejected.aside and sum(self.splits.values()) >= self._held:
            await to_the_end(self._close)

    async def reject(self, row: dict[str, Any]) -> None:
        """Add a rejected candidate. Raises UserError if it cannot be written."""
        await self._rejected.add(row)

    def finish(self, *, complete: bool) -> bool:
        """Write the rest. Returns whether this invocation's shards are in place. Raises UserError if they cannot be
        written. May be called while a cancelled `accept` still writes: then it waits for that."""
        with self._lock:
            if self._rejected.aside and not self._begun and not complete:
                for shards in self._all:
                    shards.forget()
                return False
            train, validation = (self._rows[split] for split in SPLITS)
            self.undivided = train.take(validation) or self.undivided
            self._put_in_place()
            return True

    def _close(self) -> None:
        with self._lock:
            self._put_in_place()

    def _claim(self) -> None:
        if self._url:
            claim(self._url, self._owner, self._out.resolve().name)

    def _put_in_place(self) -> None:
        self._claim()  # again: if two runs began at once, one of them may have lost the URL
        if not self._rejected.aside:
            for shards in self._all:
                shards.close()
            return
        for shards in self._all:
            shards.flush()
        names = {shards.name: shards.names for shards in self._all}
        self._begun = True  # before the save, which may fail and still leave the mark
        with self._place.speaking(MARK):
            self._place.save(MARK, json.dumps(names).encode())
        self._swap(names)

    def _swap(self, names: Mapping[str, list[str]]) -> None:
        """Replace the shards. If this fails, the mark and the shards that wait aside stay for the next attempt."""
        for shards in self._all:
            shards.settle(names[shards.name])
        with self._place.speaking(MARK):
            self._place.remove(MARK)
        self._set_aside(False)

    def _take_up(self) -> None:
        """Finish an interrupted swap of an earlier invocation. Shards that wait aside without a mark are incomplete."""
        with self._place.speaking(MARK):
            mark = self._place.load(MARK)
        try:
            names = json.loads(mark or b"")
        except ValueError:  # there is none, or it is incomplete
            names = None
        if names:
            self._swap(names)
            return
        for shards in self._all:
            shards.forget()
        if mark is not None:
            with self._place.speaking(MARK):
                self._place.remove(MARK)

    def _set_aside(self, aside: bool) -> None:
        for shards in self._all:
            shards.aside = aside

    def _shards(self, folder: str, name: str, schema: pa.Schema) -> Shards:
        return Shards(self._place_of(folder), name, schema, look=self._claim)

    def _place_of(self, folder: str) -> Place:
        return RemoteFolder(f"{self._url}/{folder}".rstrip("/")) if self._url else Folder(self._out / folder)
