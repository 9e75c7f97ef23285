"""Repairs a journal with broken pages: copies every record that can still be read into a new journal."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed.storage.sqlite_store import JOURNAL, broken_mark, unusable

SMALLEST = 64  # bytes of the smallest record: row ids count up, so the last is below file size / SMALLEST
_BEYOND = JOURNAL._replace(mend="")


def repaired(path: Path, schema: str, whole: str) -> str:
    """Replace a file by one with all of its records that can be read; the broken file is kept beside it as
    `NAME.damaged`. Reads record by record, so that a file of any size can be repaired. Returns a sentence for people.

    Raises UserError if nothing can be read, if a record of the table `whole` is lost, or if another process uses the
    file.
    """
    aside, damaged = (path.with_name(f"{path.name}.{end}") for end in ("part", "damaged"))
    try:
        _fill_up(path)
        aside.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
            db.execute("pragma journal_mode=delete")  # moves the log's content into the file and deletes the log
            saved = _copy(db, aside, schema, whole)
        damaged.unlink(missing_ok=True)
        damaged.hardlink_to(path)  # so that at every moment both names have a file
        broken_mark(path).unlink(missing_ok=True)
        aside.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error, _BEYOND) from error
    return f"{path.name} had broken pages: {saved} records were saved, the broken file is kept as {damaged.name}"


def _fill_up(path: Path) -> None:
    """Lengthen a file that is shorter than its header says (sqlite file format, 1.3.7): sqlite would refuse it."""
    with path.open("rb+") as file:
        head = file.read(100)
        size = int.from_bytes(head[16:18]) * int.from_bytes(head[28:32])
        if head.startswith(b"SQLite format 3") and file.seek(0, 2) < size < 2**40:
            file.truncate(size)


def _copy(db: sqlite3.Connection, path: Path, schema: str, whole: str) -> int:
    whole_rows = db.execute(f"select * from {whole} not indexed").fetchall()
    most = db.execute("pragma page_count").fetchone()[0] * db.execute("pragma page_size").fetchone()[0] // SMALLEST
    with contextlib.closing(sqlite3.connect(path)) as new, new:
        new.executescript(schema)
        saved = 0
        for (table,) in new.execute("select name from sqlite_master where type = 'table'").fetchall():
            marks = ", ".join("?" * len(new.execute(f"pragma table_info({table})").fetchall()))
            rows = whole_rows if table == whole else _readable(db, table, 1, _last(db, table, most))
            saved += new.executemany(f"insert or ignore into {table} values ({marks})", rows).rowcount
    return saved


def _last(db: sqlite3.Connection, table: str, most: int) -> int:
    """An upper bound of the row ids: the highest one, or that of the index if its page is broken, or `most`."""
    for row_ids in (f"{table} not indexed", f"(select rowid from {table} indexed by sqlite_autoindex_{table}_1)"):
        with contextlib.suppress(sqlite3.DatabaseError):
            return int(db.execute(f"select max(rowid) from {row_ids}").fetchone()[0] or 0)
    return most


def _readable(db: sqlite3.Connection, table: str, first: int, last: int) -> Iterator[Any]:
    """The readable rows of a range. After an unreadable row, the rest is halved until only that row is skipped."""
    try:
        rows = db.execute(f"select rowid, * from {table} not indexed where rowid between ? and ?", (first, last))
        for id, *row in rows:
            if first <= id <= last:  # a broken page may return any record
                yield row
                first = id + 1
    except sqlite3.DatabaseError:
        if first < last:
            middle = (first + last) // 2
            yield from _readable(db, table, first, middle)
            yield from _readable(db, table, middle + 1, last)
