"""Rows on disk: parquet shards that are whole or absent, in the order they were committed."""

import asyncio
import os
from pathlib import Path
from typing import Any, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq

from optimize.scoring import Scored
from programs.candidate import Candidate, digest
from seedbed.errors import UserError

SHARD = 1000  # rows
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCORES = pa.list_(pa.struct([("part", pa.string()), ("score", pa.float64()), ("reason", pa.string())]))
_LINEAGE = [
    ("recipe", pa.string()),
    ("document", pa.string()),
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("text_hash", pa.string()),
    ("headings", pa.list_(pa.string())),
    ("source", pa.string()),
    ("score", pa.float64()),
    ("scores", _SCORES),
    ("unscored", pa.list_(pa.string())),
    ("teacher", pa.string()),
    ("stood_in", pa.list_(pa.string())),  # models that answered where the teacher or a judge failed
    ("judges", pa.list_(pa.string())),
    ("program", pa.string()),
    ("seeds", pa.list_(pa.string())),
    ("attempt", pa.string()),  # the outcome in the journal: the call of the program that made it, and all its calls
    ("input_tokens", pa.int64()),
    ("output_tokens", pa.int64()),
    ("dollars", pa.float64()),
]
_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def row_schema(kind: type[Candidate]) -> pa.Schema:
    """The columns of accepted rows: id, messages, the recipe's own fields, then where the row comes from."""
    own = [(name, _arrow(field.annotation)) for name, field in kind.model_fields.items() if name != "dropped"]
    return pa.schema([("id", pa.string()), ("messages", _MESSAGES), *own, *_LINEAGE])


REJECTED = pa.schema(
    [
        ("id", pa.string()),
        ("step", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("candidate", pa.string()),
        ("group", pa.string()),
        *_LINEAGE,
    ]
)


def row(scored: Scored, shared: dict[str, Any]) -> dict[str, Any]:
    """An accepted candidate as a row. Its id is a hash of its content. `shared`: what all rows of a run carry."""
    columns, worth = scored.candidate.columns(), scored.worth
    return {
        **_place(scored),
        **columns,
        **shared,
        "id": digest(columns),
        "source": scored.source.id,
        "score": worth.score,
        "scores": _scores(scored),
        "unscored": worth.unscored,
    }


def rejected(id: str, scored: Scored, shared: dict[str, Any]) -> dict[str, Any]:
    """A candidate that is out, with the step and the reason, and what all rows of a run carry."""
    drop = scored.worth.drop
    assert drop
    return {
        **_place(scored),
        **shared,
        "id": id,
        "step": drop.step,
        "reason": drop.reason,
        "detail": drop.detail,
        "score": scored.worth.score,
        "scores": _scores(scored),
        "unscored": scored.worth.unscored,
        "candidate": scored.candidate.model_dump_json(exclude={"dropped"}),
        "group": scored.source.group,
        "source": scored.source.id,
    }


class Shards:
    """A series of parquet files `DIR/NAME-00000.parquet`, ... of 1,000 rows, each written aside, synced and renamed.

    The same rows in the same order give the same files, so a run that starts over repairs what it left.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.folder, self.name, self.schema, self.count = folder, name, schema, 0
        self._rows: list[dict[str, Any]] = []
        self._written: set[str] = set()

    @property
    def place(self) -> str:
        """Where the shards are, for people."""
        return str(self.folder)

    async def add(self, row: dict[str, Any]) -> None:
        """Append a row; a full shard is written before it returns. Raises UserError where it cannot be."""
        self._rows.append(row)
        self.count += 1
        if len(self._rows) == SHARD:
            await asyncio.to_thread(self._write)

    def close(self, *, complete: bool = True) -> None:
        """Write what is left, and remove the shards of an earlier state that a complete one no longer has.

        Of an incomplete state nothing is removed, and no shard is replaced by a shorter one."""
        if self._rows and (complete or self._length(self._latest) <= len(self._rows)):
            self._write()
        if not complete:
            return
        for name in self._names():
            if name not in self._written:
                self._remove(name)

    @property
    def _latest(self) -> str:
        return f"{self.name}-{(self.count - 1) // SHARD:05d}.parquet"

    def _write(self) -> None:
        name = self._latest
        try:
            self._save(name, pa.Table.from_pylist(self._rows, self.schema))
        except OSError as error:
            raise UserError(
                f"Cannot write {self.place}/{name}: {error.strerror or error}.",
                hint="Make room or choose another --out, then run the same command again; finished calls are kept.",
            ) from error
        self._written.add(name)
        self._rows = []

    def _save(self, name: str, table: pa.Table) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / name, lambda aside: pq.write_table(table, aside))

    def _length(self, name: str) -> int:
        """Rows of the shard that is there by this name."""
        path = self.folder / name
        try:
            return int(pq.read_metadata(path).num_rows) if path.is_file() else 0
        except (OSError, pa.ArrowInvalid):
            return 0

    def _names(self) -> list[str]:
        return [path.name for path in self.folder.glob(f"{self.name}-*.parquet")]

    def _remove(self, name: str) -> None:
        (self.folder / name).unlink()


def write_whole(path: Path, write: Any) -> None:
    """Have `write` fill a file aside, sync it and rename it: the file is whole or absent."""
    aside = path.with_name(f".{path.name}.part")
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _place(scored: Scored) -> dict[str, Any]:
    origin = scored.source.origin
    return {name: origin.get(name) for name in ("document", "start", "end", "text_hash", "headings")}


def _scores(scored: Scored) -> list[dict[str, Any]]:
    worth = scored.worth
    return [{"part": part, "score": score, "reason": worth.reasons.get(part)} for part, score in worth.parts.items()]


def _arrow(annotation: Any) -> pa.DataType:
    if get_origin(annotation) is list:
        return pa.list_(_arrow(get_args(annotation)[0]))
    return _TYPES[annotation]
