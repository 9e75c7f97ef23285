"""Copies a run's journal, so that a run into another folder can make the same rows from it."""

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed.errors import UserError
from seedbed.storage.sqlite_store import JOURNAL, unusable


def copy_journal(path: Path, to: Path) -> None:
    """Copy a journal, including its write-ahead log; if the copy exists already, leave it as it is.

    The copy belongs to the same run and shares its caps. Its fact `copy` is an id that distinguishes it from other
    copies. Raises UserError if there is no journal, or if another run's journal is at the target.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist.", hint="Give the folder of a run, with its journal.sqlite.")
    new = "Name a new folder with --out."
    with _read(path, "Run the same command without --out first: that saves what can be read of it."):
        if not to.exists():
            to.parent.mkdir(parents=True, exist_ok=True)
            _back_up(path, to)
            return
        account = _account(path)
    with _read(to, new):
        if account != _account(to):
            raise UserError(f"{to.parent} holds another run than {path.parent}.", hint=new)


@contextlib.contextmanager
def _read(path: Path, mend: str) -> Iterator[None]:
    """Turn errors into a UserError. `mend`: what to do if the journal has broken pages; they are not repaired here."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error, JOURNAL._replace(mend=mend)) from error


def _back_up(path: Path, to: Path) -> None:
    """Copy the journal atomically, however the process ends."""
    aside = to.with_name(f".{to.name}.part")
    aside.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(sqlite3.connect(aside)) as new:
        old.backup(new)
        with new:
            new.execute("insert or replace into facts values ('copy', ?)", (secrets.token_hex(8),))
    aside.replace(to)


def _account(path: Path) -> Any:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("select fact from facts where name = 'account'").fetchone()
