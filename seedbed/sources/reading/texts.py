"""Caches the texts of files by the hash of their bytes, so that a file is read once and not by each command."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seedbed import encodings
from seedbed.errors import Unreadable
from seedbed.sources.reading.child import CHILD, MEMORY, SECONDS
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.extract import TEXT, extract, from_json

DAYS = 60  # after which a text is deleted that no command asked for
LARGEST = 256 << 20  # bytes of the largest file that is read whole; it takes three times the memory, and 20 s
LIBRARIES = ("beautifulsoup4", "lxml", "markdown-it-py", "docutils", "mammoth", "pypdfium2", "python-calamine")


def contents(path: Path) -> bytes:
    """All bytes of a file. Raises Unreadable where it cannot be opened or is larger than LARGEST."""
    try:
        if (size := path.stat().st_size) > LARGEST:
            limit = f"it has {size >> 20:,} MB, and a document has at most {LARGEST >> 20}"
            raise Unreadable(f"{limit}: split it, or make it a .jsonl table with a text a row")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror or error}") from error


class Texts:
    """Reads files in the child, and caches their texts in the file `path`, unless that is None or cannot be used."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._db = _opened(path) if path else None

    def document(self, path: Path, name: str) -> Document:
        """The document of a file with a suffix in `extract.SUFFIXES`. Raises Unreadable."""
        data, suffix = contents(path), path.suffix.lower()
        if suffix in TEXT:
            return dataclasses.replace(extract(data, suffix), name=name)
        return from_json(self.read("text", data, suffix), name)

    def read(self, work: str, data: bytes, suffix: str) -> dict[str, Any]:
        """Like `Child.read`; an unreadable file is cached as well. Raises Unreadable."""
        key = hashlib.sha256(f"{work} {suffix} {_readers()} {SECONDS} {MEMORY} ".encode() + data).hexdigest()
        if (answer := self._cached(key)) is None:
            answer = CHILD.read(work, data, suffix)
            self._store(key, answer)
        if reason := answer.get("unreadable"):
            raise Unreadable(reason)
        return answer

    def close(self) -> None:
        """Delete the texts that no command asked for in DAYS days, and close the cache."""
        if self._db:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("delete from texts where day < ?", (_today() - DAYS,))
            self._db.close()

    def _cached(self, key: str) -> dict[str, Any] | None:
        if self._db is None:
            return None
        with contextlib.suppress(sqlite3.Error, ValueError):
            for (text,) in self._db.execute("select text from texts where key = ?", (key,)).fetchall():
                self._db.execute("update texts set day = ? where key = ? and day < ?", (_today(), key, _today()))
                answer: dict[str, Any] = json.loads(text)
                return answer
        return None

    def _store(self, key: str, answer: dict[str, Any]) -> None:
        if self._db:
            with contextlib.suppress(sqlite3.Error):
                text = json.dumps(answer, ensure_ascii=False)
                self._db.execute("insert or replace into texts values (?, ?, ?)", (key, text, _today()))


def _opened(path: Path) -> sqlite3.Connection | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=2, check_same_thread=False)
        db.execute("pragma synchronous = off")  # texts lost in a crash are read again
        db.execute("create table if not exists texts (key text primary key, text text, day integer)")
        return db
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError:  # damaged
        path.unlink(missing_ok=True)
        return None
    except OSError:
        return None


def _today() -> int:
    return int(time.time() / 86_400)


@functools.cache
def _readers() -> str:
    """What a text depends on besides its file: the code of our readers and the versions of their libraries."""
    code = hashlib.sha256()
    for path in (Path(encodings.__file__), *sorted(Path(__file__).parent.glob("*.py"))):
        code.update(path.read_bytes())
    return code.hexdigest() + " ".join(map(version, LIBRARIES))
