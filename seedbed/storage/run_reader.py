"""A run's folder read back, without disturbing a run that is going: its rows, and what its journal knows of them."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute as pc

from seedbed.errors import UserError
from seedbed.storage.remote_shards import Shard, shards_of

_NO_RUN = "seedbed run --out DIR makes one."


def find_row(folder: Path, prefix: str) -> tuple[dict[str, Any], bool]:
    """The row or rejected candidate whose id begins so, and whether it was accepted.

    Raises UserError where there is no run, or where none or several ids begin so.
    """
    accepted, others = shards_of(folder, "rows"), shards_of(folder, "rejected")
    shards = [*accepted, *others]
    if not shards:
        going = (folder / "journal.sqlite").is_file()
        what = "no finished shard yet" if going else "no run"
        raise UserError(f"{folder} holds {what}.", hint="Wait for the run's first shard." if going else _NO_RUN)
    found = {id: shard for shard in shards for id in _ids(shard, prefix)}
    if prefix in found:
        return _row(found[prefix], prefix), found[prefix] in accepted
    if len(found) > 1:
        some = ", ".join(list(found)[:3])
        raise UserError(f"{len(found)} ids of {folder} begin with {prefix!r}: {some}, ...", hint="Write more of it.")
    if not found:
        raise UserError(
            f"{folder} has no row and no rejected candidate with the id {prefix!r}.",
            hint=f"The column id of its rows/ and rejected/ holds them, such as {next(_ids(shards[0], ''))}.",
        )
    id, shard = found.popitem()
    return _row(shard, id), shard in accepted


def read_report(folder: Path) -> dict[str, Any]:
    """run.json; empty while the first run into the folder is going."""
    path = folder / "run.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


class Records:
    """A journal opened for reading alone.

    A run that is going holds its journal locked, so then the file is read as it is on the disk, which lacks the
    latest few megabytes. A folder without a journal has no records of any row. Raises UserError for no journal at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _opened(path) if path.is_file() else sqlite3.connect(":memory:")

    def outcomes(self, id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(setup, outcome) of an attempt, under every setup it was made with, the latest first."""
        for setup, outcome in self._rows("select setup, outcome from outcomes where id = ? order by rowid desc", id):
            yield setup, orjson.loads(outcome)

    def made_with(self, setup: str) -> dict[str, Any]:
        """What a setup stands for."""
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

    def _rows(self, statement: str, *values: str) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if "no such table" in str(error):
                return []
            raise UserError(
                f"{self.path} cannot be read: {error}.", hint="Where a run is writing it, try again in a moment."
            ) from error


def messages(request: dict[str, Any]) -> list[dict[str, str]]:
    """The messages of a journalled request as they were sent: role and text of each, the system's first."""
    system = [{"role": "system", "text": str(request["system"])}] if request.get("system") else []
    return system + [
        {"role": message["role"], "text": "".join(part.get("text", "") for part in message["parts"])}
        for message in request["messages"]
    ]


def _opened(path: Path) -> sqlite3.Connection:
    """Through the write-ahead log where there is one and no one holds the journal; else the file as it is."""
    log = path.with_name(f"{path.name}-wal")
    ways = ("mode=ro", "immutable=1") if log.is_file() and log.stat().st_size else ("immutable=1",)
    for way in ways:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?{way}", uri=True, timeout=0.2)
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
    row: dict[str, Any] = shard.read(filters=[("id", "=", id)]).to_pylist()[0]
    return row
