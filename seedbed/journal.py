"""The journal: every model call that was paid for, so that nothing is ever paid for twice."""

import asyncio
import collections
import contextlib
import dataclasses
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dspy
import orjson
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict, response_from_dict, response_to_dict

from seedbed.engines.engine import Engine, Shared, continuing
from seedbed.errors import UserError

Timed = tuple[lm15.Response, float]
"""A reply, and the seconds it added to the time in which its model was at work."""

_SCHEMA = """
create table if not exists calls (key text primary key, alias text, scope text, request blob, response blob,
                                  input_tokens integer, output_tokens integer, seconds real, work real);
create table if not exists outcomes (setup text, id text, outcome blob, primary key (setup, id));
create table if not exists setups (setup text primary key, made_with blob);
"""


@dataclasses.dataclass
class Tally:
    """Calls and tokens; `replayed` calls came from the journal, or from an equal call in flight, and cost nothing;
    the `paid` tokens are the others'. `seconds` is the time in which the model was at work, whatever ran at once; a
    replayed call counts as it did when it was paid."""

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    paid_input: int = 0
    paid_output: int = 0
    seconds: float = 0.0

    def add(self, response: lm15.Response, seconds: float, *, replayed: bool) -> None:
        """Count one reply. A token count the server did not give is 0."""
        self.calls += 1
        self.seconds += seconds
        self.replayed += replayed
        read, written = response.usage.input_tokens or 0, response.usage.output_tokens or 0
        self.input_tokens, self.output_tokens = self.input_tokens + read, self.output_tokens + written
        if not replayed:
            self.paid_input, self.paid_output = self.paid_input + read, self.paid_output + written


class Scope:
    """The candidate a call is made for: two candidates at temperature above 0 never share a reply."""

    def __init__(self, id: str, draw: int = 0) -> None:
        self.id, self.draw = id, draw
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.keys: list[str] = []
        self.asked: list[str] = []  # beside each key, the signature that was asked
        self._seen: collections.Counter[str] = collections.Counter()

    def tokens(self) -> tuple[int, int]:
        """Tokens (read, written) by all models, replayed calls included."""
        tallies = self.tallies.values()
        return sum(tally.input_tokens for tally in tallies), sum(tally.output_tokens for tally in tallies)

    def occurrence(self, key: str) -> int:
        """How often this very request was made for this candidate before: 0, 1, 2, ..."""
        self._seen[key] += 1
        return self._seen[key] - 1

    @contextlib.contextmanager
    def open(self) -> Iterator["Scope"]:
        """Make the calls inside this block calls of this candidate."""
        with dspy.context(scope=self, draw=self.draw):
            yield self


class Journal:
    """One sqlite file. Only completed replies are kept; a reply is on disk before its caller sees it.

    Raises UserError where the file is no journal or cannot be written, or where another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()  # sqlite dies of a close in the middle of a call
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0.2)
            self._db.execute("pragma locking_mode=exclusive")
            self._db.execute("pragma journal_mode=wal")
            self._db.executescript(_SCHEMA)
            if "work" not in {column[1] for column in self._db.execute("pragma table_info(calls)")}:
                self._db.execute("alter table calls add column work real")  # a journal from before it was kept
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, error) from error
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)

    def get(self, key: str) -> Timed | None:
        """The reply kept under this key, and the model time it took."""
        row = self._row("select response, coalesce(work, seconds) from calls where key = ?", key)
        return (response_from_dict(orjson.loads(row[0])), row[1]) if row else None

    def put(
        self, key: str, alias: str, request: dict[str, Any], response: lm15.Response, seconds: float, work: float
    ) -> None:
        """Keep a reply: `seconds` from asking to hearing, of which `work` were added to the model's time at work."""
        scope = dspy.settings.get("scope")
        usage = response.usage
        self._write(
            "insert or ignore into calls values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                alias,
                scope.id if scope else "",
                orjson.dumps(request),
                orjson.dumps(response_to_dict(response)),
                usage.input_tokens,
                usage.output_tokens,
                seconds,
                work,
            ),
        )

    def outcome(self, setup: str, id: str) -> dict[str, Any] | None:
        """What became of a candidate under this setup (everything its outcome depends on, as a digest)."""
        row = self._row("select outcome from outcomes where setup = ? and id = ?", setup, id)
        return orjson.loads(row[0]) if row else None

    def record(self, setup: str, id: str, outcome: dict[str, Any]) -> None:
        """Keep what became of a candidate."""
        self._write("insert or replace into outcomes values (?, ?, ?)", (setup, id, orjson.dumps(outcome)))

    def describe(self, setup: str, made_with: dict[str, Any]) -> None:
        """Keep what a setup stands for."""
        self._write("insert or replace into setups values (?, ?)", (setup, orjson.dumps(made_with)))

    def made(self, keys: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(request, response) of the calls of these keys, in their order."""
        rows = (self._row("select request, response from calls where key = ?", key) for key in keys)
        return [(orjson.loads(row[0]), orjson.loads(row[1])) for row in rows if row]

    def totals(self) -> dict[str, Tally]:
        """By alias, what all calls kept in this journal took, whenever they were made."""
        rows = self._db.execute(
            "select alias, count(*), total(input_tokens), total(output_tokens) from calls group by 1"
        )
        return {
            alias: Tally(calls, 0, int(read), int(written), int(read), int(written))
            for alias, calls, read, written in rows
        }

    def close(self) -> None:
        """Close the file; what is in it stays. Calls still in flight then fail with a UserError."""
        with self._lock:
            self._db.close()

    def _row(self, statement: str, *values: str) -> Any:
        try:
            with self._lock:
                return self._db.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        try:
            with self._lock:
                self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error


class Journaled(Shared):
    """An engine whose replies are journalled; the same call in flight twice is made once."""

    def __init__(self, engine: Engine, alias: str, journal: Journal) -> None:
        self.engine, self.alias, self.journal = engine, alias, journal
        self.identity, self.concurrency = engine.identity, engine.concurrency
        self.enforces_schema, self.continues, self.logprobs = engine.enforces_schema, engine.continues, engine.logprobs
        self._flying: dict[str, asyncio.Future[Timed]] = {}
        self._ended = 0.0  # when the latest call did

    async def complete(self, request: lm15.Request) -> lm15.Response:
        body = request_to_dict(request)
        key = self._key(body, request.config.temperature or 0.0)
        known = self.journal.get(key)
        (response, work), paid = (known, False) if known else await self._once(key, body, request)
        self.journal.tallies[self.alias].add(response, work, replayed=not paid)
        if scope := dspy.settings.get("scope"):
            scope.tallies[self.alias].add(response, work, replayed=not paid)
            scope.keys.append(key)
            scope.asked.append(_asked())
        return response

    async def aclose(self) -> None:
        await self.engine.aclose()

    async def _once(self, key: str, body: dict[str, Any], request: lm15.Request) -> tuple[Timed, bool]:
        """The reply, and whether this call paid for it: of equal calls in flight the first one does."""
        while (flight := self._flying.get(key)) and not flight.cancelled():
            try:
                return await asyncio.shield(flight), False
            except asyncio.CancelledError:
                ours = asyncio.current_task()
                if not flight.cancelled() or (ours and ours.cancelling()):
                    raise  # else the call we waited for was given up by who made it, and we make it
        flight = self._flying[key] = asyncio.ensure_future(self._fly(key, body, request))
        flight.add_done_callback(lambda _: self._flying.pop(key, None))
        return await flight, True

    async def _fly(self, key: str, body: dict[str, Any], request: lm15.Request) -> Timed:
        started = time.monotonic()
        response = await self.engine.complete(request)
        now = time.monotonic()
        work, self._ended = now - max(started, self._ended), now
        self.journal.put(key, self.alias, body, response, now - started, work)
        return response, work

    def _key(self, body: dict[str, Any], temperature: float) -> str:
        """Identity, request and draw; above temperature 0 also the candidate and the call's occurrence in it."""
        scope, draw = dspy.settings.get("scope"), dspy.settings.get("draw", 0)
        parts = [self.identity, body, continuing(), draw]
        key = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
        if temperature > 0 and scope:
            key = hashlib.sha256(f"{key}|{scope.id}|{scope.occurrence(key)}".encode()).hexdigest()
        return key


def _asked() -> str:
    """The name of the signature whose predictor makes the call in hand; empty where none does."""
    callers = dspy.settings.caller_modules or [None]
    return getattr(getattr(callers[-1], "asked", None), "__name__", "")


def _unusable(path: Path, error: Exception) -> UserError:
    if "locked" in str(error):
        return UserError(f"{path.parent} is in use by another seedbed process.", hint="Wait for it, or stop it.")
    if isinstance(error, PermissionError) or "readonly" in str(error) or "unable to open" in str(error):
        return UserError(f"Cannot write {path}: {error}.", hint="Choose a folder you can write to.")
    if isinstance(error, OSError) or "disk I/O" in str(error) or "full" in str(error):
        free = os.statvfs(path.parent).f_bavail if path.parent.exists() else 0
        return UserError(
            f"Cannot write {path}: {error} ({free} blocks free).",
            hint="Make room and run the same command again; finished calls are kept.",
        )
    return UserError(f"{path} cannot be read as a journal: {error}.", hint="Move it away and run again.")
