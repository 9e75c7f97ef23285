"""The journal: every reply that came, on the disk before anyone sees it, so that none is paid for twice."""

import asyncio
import collections
import contextlib
import fcntl
import os
import sqlite3
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from rbloom import Bloom

from seedbed.errors import UserError
from seedbed.storage.call import Call, Timed, reply
from seedbed.storage.repair import repaired
from seedbed.storage.sqlite_store import Broken, Store
from seedbed.storage.usage import Tally

CALLS = 4_000_000  # calls and outcomes up to which a look at what is not there costs nothing; 5 MB

SCHEMA = """
create table if not exists calls (key text primary key, alias text, scope text, request blob, response blob,
                                  input_tokens integer, output_tokens integer, seconds real, work real, crc integer,
                                  batch integer);
create table if not exists outcomes (setup text, id text, outcome blob, crc integer, primary key (setup, id));
create table if not exists setups (setup text primary key, made_with blob);
create table if not exists facts (name text primary key, fact text);
"""
_CALL = "insert or replace into calls values"


class Journal:
    """One sqlite file in a folder that no other process may use meanwhile.

    Only completed replies are kept; a reply is on disk before its caller sees it. Every record has a checksum: one
    that does not match counts as never made. A file whose pages were found broken, as it was opened or by an earlier
    process, is mended, and `notes` says so.

    Raises UserError where the file is no journal or cannot be written, or where another process holds the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.notes = path, list[str]()
        self._held: int | None = _hold(path.parent)
        try:
            _check_format(path)
            self._open()
        except BaseException:
            os.close(self._held)
            raise
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self._closing = threading.Lock()

    def _open(self) -> None:
        try:
            self._store, self._there = _opened(self.path)
        except Broken:
            self.notes.append(repaired(self.path, SCHEMA, whole="facts"))
            self._store, self._there = _opened(self.path)

    def get(self, key: str) -> Timed | None:
        """The reply kept under this key, and the model time it took."""
        row = self._row(key, "select response, crc, work from calls where key = ?", key)
        return (reply(row[0]), row[2]) if row and self._sound(row[0], row[1]) else None

    async def put(self, call: Call) -> None:
        """Keep a call; it is on the disk when this returns."""
        self._there.add(call.key)
        await self._store.write(_CALL, call)

    async def take(self, calls: Sequence[Call]) -> None:
        """Keep calls that were made elsewhere."""
        await asyncio.gather(*map(self.put, calls))

    async def index(self) -> None:
        """Make ready for `made_for`. It slows the keeping of calls by a little, so it is made for those who ask."""
        await self._store.decide(lambda db: db.execute("create index if not exists scopes on calls (scope)"))

    def made_for(self, id: str) -> list[Call]:
        """The calls made for a candidate, or used by its outcome under any setup."""
        calls = [Call(*row) for row in self._store.rows("select * from calls where scope = ?", id)]
        kept = "select outcome, crc from outcomes where setup in (select setup from setups) and id = ?"
        used = {
            key for row in self._store.rows(kept, id) if self._sound(*row) for key, _ in orjson.loads(row[0])["calls"]
        }
        shared = used.difference(call.key for call in calls)
        select = "select * from calls where key = ?"
        return calls + [Call(*row) for key in shared if (row := self._store.row(select, key))]

    def outcome(self, setup: str, id: str) -> dict[str, Any] | None:
        """What became of a candidate under this setup (everything its outcome depends on, as a digest)."""
        row = self._row(setup + id, "select outcome, crc from outcomes where setup = ? and id = ?", setup, id)
        return orjson.loads(row[0]) if row and self._sound(*row) else None

    async def record(self, setup: str, id: str, outcome: Mapping[str, object]) -> None:
        """Keep what became of a candidate."""
        kept = orjson.dumps(outcome)
        values = (setup, id, kept, zlib.crc32(kept))
        self._there.add(setup + id)
        await self._store.write("insert or replace into outcomes values", values)

    def describe(self, setup: str, made_with: dict[str, Any]) -> None:
        """Keep what a setup stands for."""
        self._store.write_now(("insert or replace into setups values", (setup, orjson.dumps(made_with))))

    def fact(self, name: str, default: str) -> str:
        """What this journal remembers under a name; from now on the default where that is nothing yet."""
        self._store.write_now(("insert or ignore into facts values", (name, default)))
        found: str = self._store.row("select fact from facts where name = ?", name)[0]
        return found

    def made(self, keys: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(request, response) of the calls of these keys, in their order."""
        rows = (self._store.row("select request, response from calls where key = ?", key) for key in keys)
        return [(orjson.loads(row[0]), orjson.loads(row[1])) for row in rows if row]

    def totals(self) -> dict[str, Tally]:
        """By alias, what all calls kept in this journal took, whenever they were made."""
        rows = self._store.rows(
            "select alias, count(*), total(input_tokens), total(output_tokens), "
            "total(input_tokens * batch), total(output_tokens * batch), "
            "total(coalesce(input_tokens, 0) = 0 or output_tokens is null) from calls group by 1"
        )
        return {
            alias: Tally(calls, 0, int(read), int(written), int(read), int(written), 0.0, *map(int, others))
            for alias, calls, read, written, *others in rows
        }

    def close(self) -> None:
        """Close the file; what is in it stays. Calls still in flight then fail with a UserError."""
        with self._closing:
            if self._held is not None:
                self._store.close()
                os.close(self._held)
                self._held = None

    def _row(self, key: str, select: str, *values: str) -> Any:
        return self._store.row(select, *values) if key in self._there else None

    def _sound(self, kept: bytes, crc: int) -> bool:
        if zlib.crc32(kept) == crc:
            return True
        note = f"{self.path.name} holds records that changed on the disk; what they held is asked for again"
        if note not in self.notes:
            self.notes.append(note)
        return False


def _opened(path: Path) -> tuple[Store, Bloom]:
    """The file, and which keys are in it: sqlite reads its pages anew after every commit, 50 us a look."""
    store, there = Store(path, SCHEMA), Bloom(CALLS, 0.01)
    try:
        store.rows("select fact from facts order by name")  # before anything is paid for
        for select in ("select key from calls", "select setup || id from outcomes"):
            there.update(key for (key,) in store.each(select))
    except UserError:
        store.close()
        raise
    return store, there


def _check_format(path: Path) -> None:
    """Raises UserError for a journal of an older version: its keys and records were others, so none could be found."""
    if not path.is_file():
        return
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.DatabaseError):
        columns = {column for _, column, *_ in db.execute("pragma table_info(calls)")}
        if {"key", "alias"} <= columns and not {"crc", "batch"} <= columns:
            raise UserError(f"{path} was written by an older Seedbed.", hint="Move its folder away and run again.")


def _hold(folder: Path) -> int:
    """Lock a folder for this process; the lock goes when the process does, however it dies."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(
            f"Cannot write {folder}: {error.strerror}.", hint="Choose a folder you can write to."
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise UserError(f"{folder} is in use by another seedbed process.", hint="Wait for it, or stop it.") from error
    except OSError as error:
        os.close(held)
        hint = "Choose a folder on a local disk; shards may go elsewhere by run.shards."
        raise UserError(f"{folder} cannot be locked: {error.strerror}.", hint=hint) from error
    return held
