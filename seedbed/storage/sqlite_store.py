"""A sqlite file of ours: durable and fast, for writes of the same moment share one commit."""

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
SYNC = 1.0  # seconds of writes that a power cut may take
SIZES = (256, 64, 16, 4, 1)
Write = tuple[str, Sequence[Any]]
"""A statement and its values; one that ends with `values` is completed for as many rows as there are."""


class Kind(NamedTuple):
    """What a file is to people, and what to do where it is of no use. `mend`: what to do where pages of it are broken,
    for a file that is mended when it is opened next; any other is looked through whenever it is opened."""

    noun: str
    hint: str
    mend: str = ""


JOURNAL = Kind(
    "journal",
    "Put a copy of it back; moved away, its calls are paid again, and the run's caps count anew.",
    "Run the same command again: what can be read of it is saved first.",
)


class Broken(UserError):
    """A file that can be mended has broken pages."""


class Store:
    """One connection writes, in a thread of its own, and one reads what was committed; neither waits for the other.

    Args:
        path: the file, created where absent. schema: `create table if not exists ...` statements. kind: for people.

    Where a broken page is met of a file that can be mended, here or in any call below, a mark beside it keeps it from
    being used until it is. Raises UserError where the file is none of ours, cannot be written or is broken, Broken
    where it has a mark or gets one.
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
        """The first row that a select finds among what was committed, or None."""
        try:
            with self._lock:  # sqlite dies of a close in the middle of a call
                return self._reader.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """All of them."""
        try:
            with self._lock:
                return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def each(self, statement: str) -> Iterator[Any]:
        """All of them, one by one, for selects whose rows would fill the memory. Not while others read."""
        try:
            yield from self._reader.execute(statement)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    async def write(self, statement: str, values: Sequence[Any]) -> None:
        """Write on the event loop; what is written when it returns outlives this process. Whoever comes within LINGER
        of another shares its commit, in the order they came. Cancelled, the write still happens. Raises UserError where
        it cannot."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(((statement, values), done))
        if not self._due:
            self._due = True
            loop.call_later(LINGER, self._commit_waiting)
        await done

    async def decide(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds and writes in one transaction, which no other process comes between; on the disk when it
        returns. It runs in the writer's thread. Raises UserError where the file cannot be written."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._decide, work)
        except (sqlite3.Error, RuntimeError) as error:
            raise self._failed(error) from error

    def write_now(self, *writes: Write) -> None:
        """Write from any thread, in one commit; on the disk when it returns. Raises UserError where it cannot."""
        try:
            self._thread.submit(self._commit_now, writes).result()
        except (sqlite3.Error, RuntimeError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file once what is under way is written. Calls after it fail with a UserError."""
        left, self._waiting = self._waiting, []  # cancelled before their commit
        try:
            if left:
                self._thread.submit(self._commit_now, [write for write, _ in left]).result()
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
                continue  # whoever waited was cancelled
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
            with contextlib.suppress(RuntimeError):  # it was closed meanwhile, which syncs
                self._thread.submit(self._sync)

    def _commit(self, writes: Sequence[Write]) -> None:
        with self._writer:  # one transaction, rolled back as a whole
            self._writer.execute("begin immediate")
            for statement, group in groupby(writes, key=itemgetter(0)):
                rows = [values for _, values in group]
                if not statement.endswith("values"):
                    self._writer.executemany(statement, rows)
                    continue
                for some in _together(rows):
                    marks = f"({', '.join('?' * len(some[0]))})"
                    self._writer.execute(f"{statement} {', '.join([marks] * len(some))}", [*chain(*some)])

    def _decide(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._writer.execute("pragma synchronous=full")
        with self._writer:
            self._writer.execute("begin immediate")
            return work(self._writer)

    def _commit_soon(self, writes: Sequence[Write]) -> None:
        """A commit outlives a kill of this process as it is; a power cut only if it waits for the disk, which takes as
        long as a hundred writes. So the first commit of every second does, and after the last one `_sync`."""
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
    """Rows to be written by one statement: for every statement this thread has to get hold of Python's lock again,
    which on a busy event loop takes milliseconds. A few sizes alone, so that sqlite knows the statements."""
    start = 0
    while start < len(rows):
        size = next(size for size in SIZES if size <= len(rows) - start)
        yield rows[start : start + size]
        start += size


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)


def broken_mark(path: Path) -> Path:
    """The file that says that pages of another were found broken."""
    return path.with_name(f"{path.name}.broken")


def unusable(path: Path, error: BaseException, kind: Kind = JOURNAL) -> UserError:
    """What to tell a person where a file of ours cannot be read or written."""
    said = str(error)
    if "closed database" in said or "after shutdown" in said:
        return UserError(f"{path} is closed.", hint="Run the same command again; finished calls are kept.")
    if isinstance(error, PermissionError) or any(word in said for word in ("readonly", "Read-only", "unable to open")):
        return UserError(f"Cannot write {path}: {said}.", hint="Choose a folder you can write to.")
    if "locked" in said:
        return UserError(f"{path} is in use by another process.", hint="Wait for it, or stop it.")
    if isinstance(error, OSError) or "disk I/O" in said or "full" in said:
        free = os.statvfs(path.parent).f_bavail if path.parent.exists() else 0
        return UserError(
            f"Cannot write {path}: {said} ({free} blocks free).",
            hint="Make room and run the same command again; finished calls are kept.",
        )
    broken = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT or "Could not decode" in said
    failure, hint = (Broken, kind.mend) if broken and kind.mend else (UserError, kind.hint)
    return failure(f"{path} cannot be read as a {kind.noun}: {said}.", hint=hint)
