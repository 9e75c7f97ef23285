"""A journal with broken pages, mended: every record that can still be read is carried over into a new one."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed.storage.sqlite_store import JOURNAL, broken_mark, unusable

SMALLEST = 64  # bytes a record takes at least: row ids, which count up, end below file size / this
_BEYOND = JOURNAL._replace(mend="")


def repaired(path: Path, schema: str, whole: str) -> str:
    """Put in the place of a file one with every record that can be read of it; the broken one is kept beside it as
    `NAME.damaged`. Reads record by record, so that a file of any size can be mended. Returns a sentence for people.

    Raises UserError where nothing can be read, where a record of the table `whole` is lost, and where another process
    uses the file.
    """
    aside, damaged = (path.with_name(f"{path.name}.{end}") for end in ("part", "damaged"))
    try:
        _fill_up(path)
        aside.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
            db.execute("pragma journal_mode=delete")  # what is in the log gets into the file, and the log goes
            saved = _copy(db, aside, schema, whole)
        damaged.unlink(missing_ok=True)
        damaged.hardlink_to(path)  # so that at every moment there is a file by either name
        broken_mark(path).unlink(missing_ok=True)
        aside.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error, _BEYOND) from error
    return f"{path.name} had broken pages: {saved} records were saved, the broken file is kept as {damaged.name}"


def _fill_up(path: Path) -> None:
    """Lengthen a file that is shorter than its head says (sqlite file format, 1.3.7): sqlite would not look at it."""
    with path.open("rb+") as file:
        head = file.read(100)
        size = int.from_bytes(head[16:18]) * int.from_bytes(head[28:32])
        if head.startswith(b"SQLite format 3") and file.seek(0, 2) < size < 2**40:
            file.truncate(size)


def _copy(db: sqlite3.Connection, path: Path, schema: str, whole: str) -> int:
    kept = db.execute(f"select * from {whole} not indexed").fetchall()
    most = db.execute("pragma page_count").fetchone()[0] * db.execute("pragma page_size").fetchone()[0] // SMALLEST
    with contextlib.closing(sqlite3.connect(path)) as new, new:
        new.executescript(schema)
        saved = 0
        for (table,) in new.execute("select name from sqlite_master where type = 'table'").fetchall():
            marks = ", ".join("?" * len(new.execute(f"pragma table_info({table})").fetchall()))
            rows = kept if table == whole else _readable(db, table, 1, _last(db, table, most))
            saved += new.executemany(f"insert or ignore into {table} values ({marks})", rows).rowcount
    return saved


def _last(db: sqlite3.Connection, table: str, most: int) -> int:
    """A row id that none is above; the page of the highest may be the broken one, then all row ids of the index say."""
    for row_ids in (f"{table} not indexed", f"(select rowid from {table} indexed by sqlite_autoindex_{table}_1)"):
        with contextlib.suppress(sqlite3.DatabaseError):
            return int(db.execute(f"select max(rowid) from {row_ids}").fetchone()[0] or 0)
    return most


def _readable(db: sqlite3.Connection, table: str, first: int, last: int) -> Iterator[Any]:
    """The rows of a range; what is left of it where one cannot be read is halved until only that one is left out."""
    try:
        rows = db.execute(f"select rowid, * from {table} not indexed where rowid between ? and ?", (first, last))
        for id, *row in rows:
            if first <= id <= last:  # a broken page may give any record
                yield row
                first = id + 1
    except sqlite3.DatabaseError:
        if first < last:
            middle = (first + last) // 2
            yield from _readable(db, table, first, middle)
            yield from _readable(db, table, middle + 1, last)
