"""The journal: stores every reply on the disk before it is used, so that no call is paid for twice."""

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

CALLS = 4_000_000  # calls and outcomes up to which a lookup of an absent key costs nothing; 5 MB

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
    """One sqlite file in a folder that no other process may use at the same time.

    Only completed replies are stored; a reply is on disk before its caller gets it. Every record has a checksum: a
    record that does not match it counts as absent. A file with broken pages, found now or by an earlier process, is
    repaired, and `notes` says so.

    Raises UserError if the file is not a journal or cannot be written, or if another process uses the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.notes = path, list[str]()
        self._lock: int | None = _hold(path.parent)
        try:
            _check_format(path)
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self._closing = threading.Lock()

    def _open(self) -> None:
        try:
            self._store, self._keys = _opened(self.path)
        except Broken:
            self.notes.append(repaired(self.path, SCHEMA, whole="facts"))
            self._store, self._keys = _opened(self.path)

    def get(self, key: str) -> Timed | None:
        """The reply stored under this key, and the model time it took."""
        row = self._row(key, "select response, crc, work from calls where key = ?", key)
        return (reply(row[0]), row[2]) if row and self._sound(row[0], row[1]) else None

    async def put(self, call: Call) -> None:
        """Store a call; it is on the disk when this returns."""
        self._keys.add(call.key)
        await self._store.write(_CALL, call)

    async def take(self, calls: Sequence[Call]) -> None:
        """Store calls that were made elsewhere."""
        await asyncio.gather(*map(self.put, calls))

    async def index(self) -> None:
        """Create the index that `made_for` needs. It slows writing a little, so it is not always created."""
        await self._store.decide(lambda db: db.execute("create index if not exists scopes on calls (scope)"))

    def made_for(self, id: str) -> list[Call]:
        """The calls made for a candidate, and those used by its outcome under any setup."""
        calls = [Call(*row) for row in self._store.rows("select * from calls where scope = ?", id)]
        outcome_query = "select outcome, crc from outcomes where setup in (select setup from setups) and id = ?"
        used = {
            key
            for row in self._store.rows(outcome_query, id)
            if self._sound(*row)
            for key, *_ in orjson.loads(row[0])["calls"]
        }
        shared = used.difference(call.key for call in calls)
        query = "select * from calls where key = ?"
        return calls + [Call(*row) for key in shared if (row := self._store.row(query, key))]

    def outcome(self, setup: str, id: str) -> dict[str, Any] | None:
        """The outcome of a candidate under this setup (a digest of everything that an outcome depends on)."""
        row = self._row(setup + id, "select outcome, crc from outcomes where setup = ? and id = ?", setup, id)
        return orjson.loads(row[0]) if row and self._sound(*row) else None

    async def record(self, setup: str, id: str, outcome: Mapping[str, object]) -> None:
        """Store the outcome of a candidate."""
        blob = orjson.dumps(outcome)
        values = (setup, id, blob, zlib.crc32(blob))
        self._keys.add(setup + id)
        await self._store.write("insert or replace into outcomes values", values)

    def describe(self, setup: str, made_with: dict[str, Any]) -> None:
        """Store what a setup stands for."""
        self._store.write_now(("insert or replace into setups values", (setup, orjson.dumps(made_with))))

    def fact(self, name: str, default: str) -> str:
        """The value stored under a name. If there is none, the default is stored and returned."""
        self._store.write_now(("insert or ignore into facts values", (name, default)))
        fact: str = self._store.row("select fact from facts where name = ?", name)[0]
        return fact

    def made(self, keys: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(request, response) of the calls with these keys, in this order."""
        rows = (self._store.row("select request, response from calls where key = ?", key) for key in keys)
        return [(orjson.loads(row[0]), orjson.loads(row[1])) for row in rows if row]

    def totals(self) -> dict[str, Tally]:
        """By alias, the totals over all calls in this journal, of every invocation."""
        rows = self._store.rows(
            "select alias, count(*), total(input_tokens), total(output_tokens), "
            "total(work), total(input_tokens * batch), total(output_tokens * batch), "
            "total(coalesce(input_tokens, 0) = 0 or output_tokens is null) from calls group by 1"
        )
        return {
            alias: Tally(
                calls, 0, int(tokens_in), int(tokens_out), int(tokens_in), int(tokens_out), work, *map(int, unread)
            )
            for alias, calls, tokens_in, tokens_out, work, *unread in rows
        }

    def close(self) -> None:
        """Close the file. Calls still in flight then fail with a UserError."""
        with self._closing:
            if self._lock is not None:
                self._store.close()
                os.close(self._lock)
                self._lock = None

    def _row(self, key: str, select: str, *values: str) -> Any:
        return self._store.row(select, *values) if key in self._keys else None

    def _sound(self, blob: bytes, crc: int) -> bool:
        if zlib.crc32(blob) == crc:
            return True
        note = f"{self.path.name} holds records that changed on the disk; what they held is asked for again"
        if note not in self.notes:
            self.notes.append(note)
        return False


def _opened(path: Path) -> tuple[Store, Bloom]:
    """The file, and a filter of its keys: after every commit sqlite reads its pages again, 50 us a lookup."""
    store, keys = Store(path, SCHEMA), Bloom(CALLS, 0.01)
    try:
        store.rows("select fact from facts order by name")  # before anything is paid for
        for select in ("select key from calls", "select setup || id from outcomes"):
            keys.update(key for (key,) in store.each(select))
    except UserError:
        store.close()
        raise
    return store, keys


def _check_format(path: Path) -> None:
    """Raises UserError for a journal of an older version, whose keys and records have another format."""
    if not path.is_file():
        return
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.DatabaseError):
        columns = {column for _, column, *_ in db.execute("pragma table_info(calls)")}
        if {"key", "alias"} <= columns and not {"crc", "batch"} <= columns:
            raise UserError(f"{path} was written by an older Seedbed.", hint="Move its folder away and run again.")


def _hold(folder: Path) -> int:
    """Lock a folder for this process. The lock ends with the process, even if it is killed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(
            f"Cannot write {folder}: {error.strerror}.", hint="Choose a folder you can write to."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UserError(f"{folder} is in use by another seedbed process.", hint="Wait for it, or stop it.") from error
    except OSError as error:
        os.close(descriptor)
        hint = "Choose a folder on a local disk; shards may go elsewhere by run.shards."
        raise UserError(f"{folder} cannot be locked: {error.strerror}.", hint=hint) from error
    return descriptor
