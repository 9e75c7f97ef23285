"""Pages of a sqlite file, overwritten as a bad disk does."""

import contextlib
import os
import sqlite3
from pathlib import Path

PAGE = 4096
LEAF = 13  # the first byte of a page that holds records of a table (sqlite file format, 1.6)


def overwrites(path: Path, number: int) -> None:
    """Put noise in the place of a page; the first is number 0."""
    whole = path.read_bytes()
    path.write_bytes(whole[: number * PAGE] + os.urandom(PAGE) + whole[(number + 1) * PAGE :])


def breaks(path: Path, name: str) -> None:
    """Overwrite the first page of a table or an index."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("select rootpage from sqlite_master where name = ?", (name,)).fetchone()
    overwrites(path, page - 1)


def breaks_the_leaf_of(path: Path, record: bytes) -> None:
    """Overwrite the page of a table on which these bytes of a record stand."""
    whole = path.read_bytes()
    pages = (whole[start : start + PAGE] for start in range(0, len(whole), PAGE))
    overwrites(path, next(number for number, page in enumerate(pages) if page[0] == LEAF and record in page))
