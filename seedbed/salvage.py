"""A broken sqlite file of ours, mended: every record that can still be read is carried over into a new one."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed.errors import UserError
from seedbed.store import JOURNAL, Kind, unusable

SMALLEST = 64  # bytes a record takes at least: row ids, which count up, end below file size / this


def mended(path: Path, schema: str, kind: Kind = JOURNAL) -> str:
    """Look the file over; where pages are broken put in its place one with every record that can be read.

    The broken file is kept beside it as `NAME.damaged`. Returns a sentence for people, empty where all is well.
    Raises UserError where the file is no sqlite file at all, or one of something else; where a record is lost without
    which it is of no use; and where a broken one is open in another process, whose writing would go astray.
    """
    try:
        _fill_up(path)
    except OSError as error:
        raise unusable(path, error, kind) from error
    db = sqlite3.connect(path, isolation_level=None)
    try:
        if _whole(db):
            return ""
        db.close()
        _check_alone(path)
        db = sqlite3.connect(path, isolation_level=None)
        aside = path.with_name(f"{path.name}.part")
        aside.unlink(missing_ok=True)
        saved = _copy(db, aside, schema, path.stat().st_size // SMALLEST, kind.whole)
        if not saved:
            aside.unlink()
            raise sqlite3.DatabaseError("none of its records can be read")
    except sqlite3.Error as error:
        raise unusable(path, error, kind) from error
    finally:
        db.close()
    damaged = path.with_name(f"{path.name}.damaged")
    damaged.unlink(missing_ok=True)
    damaged.hardlink_to(path)  # so that at every moment there is a file by either name
    for log in ("-wal", "-shm"):  # what was in the log is in the copy
        path.with_name(f"{path.name}{log}").unlink(missing_ok=True)
    aside.replace(path)
    return f"{path.name} had broken pages: {saved} records were saved, the broken file is kept as {damaged.name}"


def _fill_up(path: Path) -> None:
    """Lengthen a file that is shorter than its head says (sqlite file format, 1.3.7): sqlite would not look at it."""
    with path.open("rb+") as file:
        head = file.read(100)
        size = int.from_bytes(head[16:18]) * int.from_bytes(head[28:32])
        if head.startswith(b"SQLite format 3") and file.seek(0, 2) < size < 2**40:
            file.truncate(size)


def _whole(db: sqlite3.Connection) -> bool:
    """Every page is where it belongs; raises DatabaseError where the file's head says it is none of sqlite's."""
    db.execute("select count(*) from sqlite_master").fetchone()
    try:
        return bool(db.execute("pragma quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _check_alone(path: Path) -> None:
    """Whoever uses a file with a log holds a lock on it all the time."""
    with contextlib.closing(sqlite3.connect(path, timeout=1)) as db:
        db.execute("pragma locking_mode=exclusive")
        try:
            db.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                hint = "Stop it, then run the same command again: the file is mended when nobody uses it."
                raise UserError(f"{path} has broken pages, and another process uses it.", hint=hint) from error


def _copy(db: sqlite3.Connection, path: Path, schema: str, most: int, whole: str) -> int:
    saved = 0
    with sqlite3.connect(path) as new:
        new.executescript(schema)
        tables = [name for (name,) in new.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            columns = len(new.execute(f"pragma table_info({table})").fetchall())
            marks = ", ".join("?" * columns)
            rows = _all(db, table) if table == whole else _readable(db, table, *_ends(db, table, most))
            for row in rows:
                saved += new.execute(f"insert or ignore into {table} values ({marks})", row).rowcount
    new.close()
    return saved


def _all(db: sqlite3.Connection, table: str) -> Iterator[Any]:
    """The rows of a table; raises DatabaseError where one cannot be read."""
    yield from db.execute(f"select * from {table} not indexed").fetchall()


def _ends(db: sqlite3.Connection, table: str, most: int) -> tuple[int, int]:
    """A range of row ids that holds a table; the true ends may stand on a broken page."""
    try:
        first, last = db.execute(f"select min(rowid), max(rowid) from {table}").fetchone()
        return first or 0, last or -1
    except sqlite3.DatabaseError:
        return 0, most


def _readable(db: sqlite3.Connection, table: str, first: int, last: int) -> Iterator[Any]:
    """The rows of a range; a range that cannot be read is halved until what is unreadable is left out."""
    if first > last:
        return
    try:
        yield from db.execute(
            f"select * from {table} not indexed where rowid between ? and ?", (first, last)
        ).fetchall()
    except sqlite3.DatabaseError:
        if first < last:
            middle = (first + last) // 2
            yield from _readable(db, table, first, middle)
            yield from _readable(db, table, middle + 1, last)
