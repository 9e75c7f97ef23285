"""A sqlite file, durable and fast: writes of the same moment share one commit."""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from seedbed.errors import UserError

T = TypeVar("T")
LINGER = 0.002  # seconds that a write waits for others to share its commit
SYNC = 1.0  # a power cut may lose the writes of so many seconds
SIZES = (256, 64, 16, 4, 1)
Write = tuple[str, Sequence[Any]]
"""A statement and its values; a statement that ends with `values` takes many rows at once."""


class Kind(NamedTuple):
    """A file's name for people, and a hint for when it cannot be used. `mend`: the hint for broken pages, for a file
    that is repaired when it is opened next; a file without it is checked each time it is opened."""

    noun: str
    hint: str
    mend: str = ""


JOURNAL = Kind(
    "journal",
    "Put a copy of it back. Without it, its calls are paid again, and the run's caps start from zero.",
    "Run the same command again: what can be read of it is saved first.",
)


class Broken(UserError):
    """A file that can be repaired has broken pages."""


class Store:
    """One connection writes, in its own thread, and another reads committed data; neither waits for the other.

    Args:
        path: the file, created if absent. schema: `create table if not exists ...` statements. kind: for messages.

    If a file that can be repaired has a broken page, here or in any call below, a mark beside it blocks its use until
    it is repaired. Raises UserError if the file is not ours, cannot be written or is broken; Broken if it has a mark or
    gets one.
    """

    def __init__(self, path: Path, schema: str, kind: Kind = JOURNAL) -> None:
        self.path, self._kind, self._lock = path, kind, threading.Lock()
        self._waiting: list[tuple[Write, asyncio.Future[None]]] = []
        self._due = False  # a commit is under way or about to be
        self._synced, self._unsynced = float("-inf"), False
        self._tail: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        if kind.mend and path.exists() and broken_mark(path).exists():
            raise Broken(f"{path} cannot be read as a {kind.noun}: it has broken pages.", hint=kind.mend)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer, self._reader = _connect(path), _connect(path)
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error
        try:
            self._writer.execute("pragma journal_mode=wal")
            self._writer.executescript(schema)
            if not kind.mend and (state := self._writer.execute("pragma integrity_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(state)
        except sqlite3.Error as error:
            self._close()
            raise self._failed(error) from error

    def row(self, statement: str, *values: Any) -> Any:
        """The first row of a select on committed data, or None."""
        try:
            with self._lock:  # sqlite crashes if it is closed during a call
                return self._reader.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """All rows of a select on committed data."""
        try:
            with self._lock:
                return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def each(self, statement: str) -> Iterator[Any]:
        """The same rows one by one, for a select whose rows would fill the memory. Must not run while others read."""
        try:
            yield from self._reader.execute(statement)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    async def write(self, statement: str, values: Sequence[Any]) -> None:
        """Write from the event loop; what was written survives a kill of this process. Writes within LINGER of each
        other share a commit, in their order. A cancelled write still happens. Raises UserError if it cannot."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(((statement, values), done))
        if not self._due:
            self._due = True
            loop.call_later(LINGER, self._commit_waiting)
        await done

    async def decide(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction, isolated from other processes, and return its result; on the disk when it
        returns. It runs in the writer's thread. Raises UserError if the file cannot be written."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._decide, work)
        except (sqlite3.Error, RuntimeError) as error:
            raise self._failed(error) from error

    def write_now(self, *writes: Write) -> None:
        """Write from any thread, in one commit; on the disk when it returns. Raises UserError if it cannot."""
        try:
            self._thread.submit(self._commit_now, writes).result()
        except (sqlite3.Error, RuntimeError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Write what is pending and close the file. Later calls raise UserError."""
        pending, self._waiting = self._waiting, []  # cancelled before their commit
        try:
            if pending:
                self._thread.submit(self._commit_now, [write for write, _ in pending]).result()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        finally:
            self._close()

    def _failed(self, error: BaseException) -> UserError:
        failure = unusable(self.path, error, self._kind)
        if isinstance(failure, Broken):
            with contextlib.suppress(OSError):
                broken_mark(self.path).touch()
        return failure

    def _close(self) -> None:
        self._thread.shutdown()
        with self._lock:
            self._writer.close()
            self._reader.close()

    def _commit_waiting(self) -> None:
        group, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        try:
            commit = loop.run_in_executor(self._thread, self._commit_soon, [write for write, _ in group])
        except RuntimeError as closed:
            self._settle([done for _, done in group], closed)
        else:
            commit.add_done_callback(lambda over: self._settle([done for _, done in group], over.exception()))

    def _settle(self, waiting: Sequence[asyncio.Future[None]], error: BaseException | None) -> None:
        for done in waiting:
            if done.done():
                continue  # its caller was cancelled
            if error:
                done.set_exception(self._failed(error))
            else:
                done.set_result(None)
        self._due = bool(self._waiting)
        loop = asyncio.get_running_loop()
        if self._due:
            loop.call_later(LINGER, self._commit_waiting)
        elif self._unsynced and not self._tail:
            self._tail = loop.call_later(SYNC, self._sync_tail)

    def _sync_tail(self) -> None:
        self._tail = None
        if self._unsynced:
            with contextlib.suppress(RuntimeError):  # closed meanwhile, which syncs too
                self._thread.submit(self._sync)

    def _commit(self, writes: Sequence[Write]) -> None:
        with self._writer:  # one transaction, rolled back as a whole
            self._writer.execute("begin immediate")
            for statement, group in groupby(writes, key=itemgetter(0)):
                rows = [values for _, values in group]
                if not statement.endswith("values"):
                    self._writer.executemany(statement, rows)
                    continue
                for group_rows in _together(rows):
                    marks = f"({', '.join('?' * len(group_rows[0]))})"
                    self._writer.execute(f"{statement} {', '.join([marks] * len(group_rows))}", [*chain(*group_rows)])

    def _decide(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._writer.execute("pragma synchronous=full")
        with self._writer:
            self._writer.execute("begin immediate")
            return work(self._writer)

    def _commit_soon(self, writes: Sequence[Write]) -> None:
        """Every commit survives a kill of this process. It survives a power cut only if it waits for the disk, which
        takes as long as a hundred writes. So only the first commit of a second waits, and `_sync` after the last."""
        self._unsynced = time.monotonic() - self._synced < SYNC
        self._writer.execute(f"pragma synchronous={'normal' if self._unsynced else 'full'}")
        if not self._unsynced:
            self._synced = time.monotonic()
        self._commit(writes)

    def _commit_now(self, writes: Sequence[Write]) -> None:
        self._writer.execute("pragma synchronous=full")
        self._commit(writes)

    def _sync(self) -> None:
        self._unsynced = False
        self._writer.execute("pragma synchronous=full")
        self._writer.execute("pragma wal_checkpoint(passive)")


def _together(rows: list[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Groups of rows for one statement each. Few statements, because each one makes this thread wait for Python's lock,
    which takes milliseconds beside a busy event loop. Few sizes, so that sqlite can reuse prepared statements."""
    start = 0
    while start < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - start)
        yield rows[start : start + size]
        start += size


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)


def broken_mark(path: Path) -> Path:
    """The mark beside a file whose pages are broken."""
    return path.with_name(f"{path.name}.broken")


def unusable(path: Path, error: BaseException, kind: Kind = JOURNAL) -> UserError:
    """The UserError for a file that cannot be read or written."""
    message = str(error)
    if "closed database" in message or "after shutdown" in message:
        return UserError(f"{path} is closed.", hint="Run the same command again; finished calls are kept.")
    if isinstance(error, PermissionError) or any(
        word in message for word in ("readonly", "Read-only", "unable to open")
    ):
        return UserError(f"Cannot write {path}: {message}.", hint="Choose a folder you can write to.")
    if "locked" in message:
        return UserError(f"{path} is in use by another process.", hint="Wait for it, or stop it.")
    if isinstance(error, OSError) or "disk I/O" in message or "full" in message:
        free = os.statvfs(path.parent).f_bavail if path.parent.exists() else 0
        return UserError(
            f"Cannot write {path}: {message} ({free} blocks free).",
            hint="Make room and run the same command again; finished calls are kept.",
        )
    broken = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT or "Could not decode" in message
    failure, hint = (Broken, kind.mend) if broken and kind.mend else (UserError, kind.hint)
    return failure(f"{path} cannot be read as a {kind.noun}: {message}.", hint=hint)
