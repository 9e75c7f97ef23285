"""Reads a run's folder, its rows and its journal's records of them, without disturbing a run in progress."""

import dataclasses
import json
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seedbed.errors import UserError
from seedbed.storage.shards.remote_place import open_url

_NO_RUN = "seedbed run --out DIR makes one."


@dataclasses.dataclass(frozen=True)
class Shard:
    """An existing shard; `fs` is its file system, None is this machine's."""

    path: str
    fs: Any = None

    @property
    def split(self) -> str:
        """The split of a shard of accepted rows: `train` or `validation`."""
        return "validation" if Path(self.path).name.startswith("validation") else "train"

    def read(self, **options: Any) -> pa.Table:
        """Its columns; `options` are `pyarrow.parquet.read_table`'s."""
        return pq.read_table(self.path, filesystem=self.fs, **options)

    def has(self, column: str) -> bool:
        """Whether it has a column, or a field of a struct such as `lineage.draw`: older Seedbeds wrote fewer."""
        schema: Any = pq.read_schema(self.path, filesystem=self.fs)
        *outer, name = column.split(".")
        for struct in outer:
            schema = schema.field(struct).type if schema.get_field_index(struct) >= 0 else pa.struct([])
        return bool(schema.get_field_index(name) >= 0)

    def rows(self, **options: Any) -> list[dict[str, Any]]:
        """Its rows, with all columns. Raises UserError if an older Seedbed wrote them: their lineage was columns."""
        table = self.read(**options)
        if "lineage" not in table.column_names:
            raise UserError(
                f"{self.path} was written by an older Seedbed: it has no column lineage.",
                hint="Run the same seedbed run command again: it writes the rows anew and pays for no call again.",
            )
        return table.to_pylist()


def shards_of(folder: Path, kind: str) -> list[Shard]:
    """The shards of the run in a folder, in order, local or remote. `kind` is `rows` or `rejected`."""
    report = folder / "run.json"
    settings = json.loads(report.read_text(encoding="utf-8"))["config"]["run"] if report.is_file() else {}
    if url := settings.get("shards"):
        fs, root = open_url(f"{url}/{kind}")
        return [Shard(path, fs) for path in sorted(fs.glob(f"{root}/*.parquet"))]
    return [Shard(str(path)) for path in sorted(folder.glob(f"{kind}/*.parquet"))]


def find_row(folder: Path, prefix: str) -> tuple[dict[str, Any], bool]:
    """The row or rejected candidate whose id begins with `prefix`, and whether it was accepted.

    Raises UserError if there is no run, or if no id or several ids begin with `prefix`.
    """
    accepted, rejected = shards_of(folder, "rows"), shards_of(folder, "rejected")
    shards = [*accepted, *rejected]
    if not shards:
        going = (folder / "journal.sqlite").is_file()
        content = "no finished shard yet" if going else "no run"
        raise UserError(f"{folder} holds {content}.", hint="Wait for the run's first shard." if going else _NO_RUN)
    matches = {id: shard for shard in shards for id in _ids(shard, prefix)}
    if prefix in matches:
        return _row(matches[prefix], prefix), matches[prefix] in accepted
    if len(matches) > 1:
        examples = ", ".join(list(matches)[:3])
        raise UserError(
            f"{len(matches)} ids of {folder} begin with {prefix!r}: {examples}, ...",
            hint="Write more characters of the id.",
        )
    if not matches:
        raise UserError(
            f"{folder} has no row and no rejected candidate with the id {prefix!r}.",
            hint=f"The column id of its rows/ and rejected/ holds them, such as {next(_ids(shards[0], ''))}.",
        )
    id, shard = matches.popitem()
    return _row(shard, id), shard in accepted


def ids_among(folder: Path, ids: Collection[str]) -> set[str]:
    """Those of these ids that are ids of accepted rows of the run in a folder."""
    wanted, shards = pa.array(ids, pa.string()), shards_of(folder, "rows") if ids else []
    columns = [shard.read(columns=["id"])["id"] for shard in shards]
    return {id for column in columns for id in column.filter(pc.is_in(column, wanted)).to_pylist()}


def read_report(folder: Path) -> dict[str, Any]:
    """run.json; empty while the first run into the folder is in progress."""
    path = folder / "run.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


class Records:
    """A journal, opened for reading only.

    A run in progress locks its journal, so the file is then read as it is on the disk, without the latest few
    megabytes. Without a journal there are no records of any row. Raises UserError if the file is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _opened(path) if path.is_file() else sqlite3.connect(":memory:")

    def outcome(self, id: str, setup: str | None) -> tuple[str, dict[str, Any]]:
        """(setup, outcome) of an attempt under this setup; without one, under the latest; ("", {}) if there is none.

        One attempt may be on record under several setups, such as before and after a change of a gate."""
        select = "select setup, outcome from outcomes where id = ? and setup = coalesce(?, setup) order by rowid desc"
        found = next(iter(self._rows(select, id, setup)), None)
        return (found[0], orjson.loads(found[1])) if found else ("", {})

    def made_with(self, setup: str) -> dict[str, Any]:
        """The meaning of a setup; empty if it is not known."""
        return next(
            (orjson.loads(row[0]) for row in self._rows("select made_with from setups where setup = ?", setup)), {}
        )

    def call(self, key: str) -> dict[str, Any] | None:
        """A model call: alias, request, response, tokens and seconds."""
        names = ("alias", "request", "response", "input_tokens", "output_tokens", "seconds")
        for row in self._rows(f"select {', '.join(names)} from calls where key = ?", key):
            call = dict(zip(names, row, strict=True))
            return call | {name: orjson.loads(call[name]) for name in ("request", "response")}
        return None

    def close(self) -> None:
        self._db.close()

    def _rows(self, statement: str, *values: str | None) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if "no such table" in str(error):
                return []
            raise UserError(
                f"{self.path} cannot be read: {error}.", hint="Where a run is writing it, try again in a moment."
            ) from error


def messages(request: dict[str, Any]) -> list[dict[str, str]]:
    """The messages of a journalled request as they were sent: role and text of each, the system message first."""
    system = [{"role": "system", "text": str(request["system"])}] if request.get("system") else []
    return system + [
        {"role": message["role"], "text": "".join(part.get("text", "") for part in message["parts"])}
        for message in request["messages"]
    ]


def _opened(path: Path) -> sqlite3.Connection:
    """Open with the write-ahead log if there is one and the journal is not locked; else the file as it is on disk."""
    log = path.with_name(f"{path.name}-wal")
    modes = ("mode=ro", "immutable=1") if log.is_file() and log.stat().st_size else ("immutable=1",)
    for mode in modes:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=0.2)
        try:
            db.execute("select count(*) from sqlite_master").fetchone()
            return db
        except sqlite3.Error as error:
            db.close()
            failed = error
    raise UserError(f"{path} cannot be read as a journal: {failed}.", hint="Give the folder of a run.")


def _ids(shard: Shard, prefix: str) -> Iterator[str]:
    ids = shard.read(columns=["id"])["id"]
    yield from ids.filter(pc.starts_with(ids, prefix)).to_pylist()


def _row(shard: Shard, id: str) -> dict[str, Any]:
    return shard.rows(filters=[("id", "=", id)])[0]
