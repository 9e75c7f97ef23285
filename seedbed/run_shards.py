"""Where a run puts its rows and what it rejected: the shards of both, in its folder or under a URL."""

from pathlib import Path
from typing import Any

from programs.candidate import Candidate
from seedbed.far_shards import FarShards, claim
from seedbed.rows import REJECTED, Shards, row_schema, to_the_end

SPLITS = ("train", "validation")


class RunShards:
    """The shards of one run.

    What an earlier sitting left there stays as it is until this one has as many rows, or has come to its end; then
    this one's shards take its place, all of them at once. So no reader meets rows of two settings side by side.

    Args:
        out: the run's folder. url: where the shards go instead, if anywhere. kind: of the rows. owner: the run.

    Raises UserError where the URL cannot be used, or holds another run's rows.
    """

    def __init__(self, out: Path, url: str | None, kind: type[Candidate], owner: str) -> None:
        self._out, self._url = out, url
        if url:
            claim(url, owner, out.resolve().name)
        self._rows = {split: self._shards("rows", split, row_schema(kind)) for split in SPLITS}
        self._rejected = self._shards("rejected", "rejected", REJECTED)
        self._all = [*self._rows.values(), self._rejected]
        self._held = sum(shards.held for shards in self._rows.values())
        for shards in self._all:
            shards.aside = self._held > 0

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
        """Write what is left; whether what is there now is this sitting's. Raises UserError where it cannot be."""
        if self._rejected.aside and not complete:
            for shards in self._all:
                shards.forget()
            return False
        self._close()
        return True

    def _close(self) -> None:
        for shards in self._all:
            shards.close()

    def _shards(self, folder: str, name: str, schema: Any) -> Shards:
        if self._url:
            return FarShards(f"{self._url}/{folder}", name, schema)
        return Shards(self._out / folder, name, schema)
