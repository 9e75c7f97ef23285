"""Rows on disk: parquet shards that are whole or absent, in the order of the commits."""

import asyncio
import contextlib
import io
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq

from optimize.scoring import Scored
from programs.core.candidate import Candidate, digest
from programs.core.whole import write_whole
from seedbed.errors import UserError

SHARD = 1000  # rows
ENDING, ASIDE = ".parquet", ".new"
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCORES = pa.list_(pa.struct([("part", pa.string()), ("score", pa.float64()), ("reason", pa.string())]))
_LINEAGE = [
    ("recipe", pa.string()),
    ("document", pa.string()),
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("text_hash", pa.string()),
    ("headings", pa.list_(pa.string())),
    ("lead", pa.string()),  # text before the span of a passage: headings, a table's header
    ("source", pa.string()),
    ("score", pa.float64()),
    ("scores", _SCORES),
    ("unscored", pa.list_(pa.string())),
    ("teacher", pa.string()),
    ("stood_in", pa.list_(pa.string())),  # models that answered in place of the teacher or a judge
    ("judges", pa.list_(pa.string())),
    ("program", pa.string()),
    ("seeds", pa.list_(pa.string())),
    ("attempt", pa.string()),  # id of the outcome in the journal, which names the program's call and all model calls
    ("input_tokens", pa.int64()),
    ("output_tokens", pa.int64()),
    ("dollars", pa.float64()),
]
_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def row_schema(kind: type[Candidate]) -> pa.Schema:
    """The columns of accepted rows: id, messages, the recipe's own fields, then the row's origin."""
    recipe_columns = [
        (name, _arrow(field.annotation)) for name, field in kind.model_fields.items() if name != "dropped"
    ]
    return pa.schema([("id", pa.string()), ("messages", _MESSAGES), *recipe_columns, *_LINEAGE])


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
    """An accepted candidate as a row. Its id is a hash of its content. `shared`: columns that are equal in all rows of
    a run."""
    columns, worth = scored.candidate.columns(), scored.worth
    return {
        **_place(scored),
        **columns,
        **shared,
        "seeds": _seeds(scored, shared),
        "id": digest(columns),
        "source": scored.source.id,
        "score": worth.score,
        "scores": _scores(scored),
        "unscored": worth.unscored,
    }


def rejected(id: str, scored: Scored, shared: dict[str, Any]) -> dict[str, Any]:
    """A rejected candidate as a row, with the step and the reason. `shared` as in `row`."""
    drop = scored.worth.drop
    assert drop
    return {
        **_place(scored),
        **shared,
        "seeds": _seeds(scored, shared),
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

    The same rows in the same order give the same files, so a run that starts again repairs its files. While `aside`
    is set, existing files are not changed, and new ones wait beside them until `settle` moves all into place.
    Its methods may be called in any thread; they wait for each other.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.folder, self.name, self.schema, self.count, self.aside = folder, name, schema, 0, False
        self._rows: list[dict[str, Any]] = []
        self._written, self._lock = set[str](), threading.RLock()

    @property
    def place(self) -> str:
        """The address of the shards, for messages."""
        return str(self.folder)

    @property
    def held(self) -> int:
        """Rows in the existing shards. Raises UserError if they cannot be read."""
        with self.speaking(ENDING):
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
        with self._lock, self.speaking(ENDING):
            files_aside = self._names(ENDING + ASIDE)
            for name in names:
                if name + ASIDE in files_aside:
                    self._move(name + ASIDE, name)
            for name in self._names(ENDING):
                if name not in names:
                    self.remove(name)
        self.forget()

    def forget(self) -> None:
        """Remove the files that wait aside, also those of a killed invocation. Raises UserError if that fails."""
        with self._lock, self.speaking(ENDING + ASIDE):
            for name in self._names(ENDING + ASIDE):
                self.remove(name)

    def _write(self) -> None:
        name = f"{self.name}-{(self.count - 1) // SHARD:05d}{ENDING}"
        with self._lock, self.speaking(name):
            whole = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(self._rows, self.schema), whole)
            if not self.aside:
                self.save(name, whole.getvalue())
            elif self.load(name) != whole.getvalue():
                self.save(name + ASIDE, whole.getvalue())
            self._written.add(name)

    @contextlib.contextmanager
    def speaking(self, name: str) -> Iterator[None]:
        """Turn an OSError into a UserError that names the file and the remedy."""
        try:
            yield
        except OSError as error:
            raise UserError(
                f"Cannot write {self.place}/{name}: {error.strerror or error}.",
                hint="Make room or choose another --out, then run the same command again; finished calls are kept.",
            ) from error

    def save(self, name: str, data: bytes) -> None:
        """Write a file of the place, whole or not at all. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / name, lambda aside: aside.write_bytes(data))

    def load(self, name: str) -> bytes | None:
        """The content of a file of the place; None if there is no such file. Raises OSError."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove a file of the place. Raises OSError."""
        (self.folder / name).unlink()

    def _move(self, name: str, to: str) -> None:
        (self.folder / name).replace(self.folder / to)

    def _length(self, name: str) -> int:
        """Rows of the shard with this name; 0 if it is damaged."""
        whole = io.BytesIO(self.load(name) or b"")
        try:
            return int(pq.read_metadata(whole).num_rows)
        except (OSError, pa.ArrowInvalid):
            return 0

    def _names(self, ending: str) -> list[str]:
        return [path.name for path in self.folder.glob(f"{self.name}-*{ending}")]


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


def _place(scored: Scored) -> dict[str, Any]:
    origin = scored.source.origin
    return {name: origin.get(name) for name in ("document", "start", "end", "text_hash", "headings", "lead")}


def _seeds(scored: Scored, shared: dict[str, Any]) -> list[str]:
    """The seeds that may appear in its prompts: those of the program's demos, and those that its source shows."""
    return list(dict.fromkeys([*shared["seeds"], *sorted(scored.source.shown)]))


def _scores(scored: Scored) -> list[dict[str, Any]]:
    worth = scored.worth
    return [{"part": part, "score": score, "reason": worth.reasons.get(part)} for part, score in worth.parts.items()]


def _arrow(annotation: Any) -> pa.DataType:
    if get_origin(annotation) is list:
        return pa.list_(_arrow(get_args(annotation)[0]))
    return _TYPES[annotation]
