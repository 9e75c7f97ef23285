"""A copy of a run's journal, from which another folder makes its rows again."""

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed.errors import UserError
from seedbed.storage.sqlite_store import JOURNAL, unusable


def copy_journal(path: Path, to: Path) -> None:
    """Copy a journal to where none is yet, what its log holds included; a copy of before is left as it is.

    It belongs to the same run, whose caps it shares, and has a name of its own among the copies, the fact `copy`.

    Raises UserError where there is none, and where another run's journal stands in its place.
    """
    if not path.is_file():
        raise UserError(f"{path} is not there.", hint="Give the folder of a run, with its journal.sqlite.")
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
    """Say what is wrong with a journal; `mend`: what to do where pages of it are broken, for none is mended here."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error, JOURNAL._replace(mend=mend)) from error


def _back_up(path: Path, to: Path) -> None:
    """Whole or not at all, however the process ends."""
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
