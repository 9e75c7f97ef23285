"""Where a run puts its rows and what it rejected: the shards of both, in its folder or under a URL."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from programs.core.candidate import Candidate
from seedbed.storage.remote_shards import FarShards, claim
from seedbed.storage.shards import REJECTED, Shards, row_schema, to_the_end

SPLITS = ("train", "validation")
MARK = "swap.json"  # is there while shards take the place of others: by series, the names of those that stay


class RunShards:
    """The shards of one run.

    What an earlier invocation left there stays as it is until this one has as many rows, or has come to its end; then
    this one's shards take its place, all of them at once: a swap that was cut off is finished by the next invocation,
    before anything else. So no reader meets rows of two settings side by side for long.

    Args:
        out: the run's folder. url: where the shards go instead, if anywhere. kind: of the rows. owner: the run.

    Raises UserError where the URL cannot be used, or holds another run's rows.
    """

    def __init__(self, out: Path, url: str | None, kind: type[Candidate], owner: str) -> None:
        self._out, self._url, self._owner = out, url, owner
        self._claim()
        self._rows = {split: self._shards("rows", split, row_schema(kind)) for split in SPLITS}
        self._rejected = self._shards("rejected", "rejected", REJECTED)
        self._all = [*self._rows.values(), self._rejected]
        self._place, self._lock, self._begun = self._shards("", "", None), threading.Lock(), False
        self.undivided = False  # all rows were of held-out documents, and are the train split
        self._take_up()
        self._held = sum(shards.held for shards in self._rows.values())
        self._set_aside(self._held > 0)

    @property
    def splits(self) -> dict[str, int]:
        """Accepted rows by split; splits without rows are left out."""
        return {split: shards.count for split, shards in self._rows.items() if shards.count}

    async def accept(self, row: dict[str, Any], split: str) -> None:
        """One more row. Raises UserError where it cannot be written."""
        await self._rows[split].add(row)
        if self._rejected.aside and sum(self.splits.values()) >= self._held:
            await to_the_end(self._close)

    async def reject(self, row: dict[str, Any]) -> None:
        """One more that is out. Raises UserError where it cannot be written."""
        await self._rejected.add(row)

    def finish(self, *, complete: bool) -> bool:
        """Write what is left; whether what is there now is this invocation's. Raises UserError where it cannot be.

        May be called while `accept` was given up and still writes: then it waits for that."""
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
        self._claim()  # again: of two runs that began at once, one may have lost it
        if not self._rejected.aside:
            for shards in self._all:
                shards.close()
            return
        for shards in self._all:
            shards.flush()
        names = {shards.name: shards.names for shards in self._all}
        self._begun = True  # also where the mark is there in spite of an error
        with self._place.speaking(MARK):
            self._place.save(MARK, json.dumps(names).encode())
        self._swap(names)

    def _swap(self, names: Mapping[str, list[str]]) -> None:
        """What it could not do to its end is left for another time: the mark stands, and what waits aside waits."""
        for shards in self._all:
            shards.settle(names[shards.name])
        with self._place.speaking(MARK):
            self._place.remove(MARK)
        self._set_aside(False)

    def _take_up(self) -> None:
        """Finish the swap in which an earlier invocation was cut off. What waits without a mark never was whole."""
        with self._place.speaking(MARK):
            mark = self._place.load(MARK)
        try:
            names = json.loads(mark or b"")
        except ValueError:  # there is none, or not the whole of it
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

    def _shards(self, folder: str, name: str, schema: Any) -> Shards:
        if self._url:
            return FarShards(f"{self._url}/{folder}".rstrip("/"), name, schema, self._claim)
        return Shards(self._out / folder, name, schema)
