"""Reads the sources: files of many kinds, tables whose rows make texts, and datasets."""

from __future__ import annotations

import functools
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from programs.core.candidate import digest
from seedbed.errors import Unreadable, UserError
from seedbed.sources.finding import HF, TABLES, UNDERSTOOD, find
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.texts import Texts
from seedbed.sources.remarks import Remarks
from seedbed.sources.tables import Row, Wording, dataset_rows, table_encoding, table_rows, told_rows
from seedbed.storage.disk_list import DiskList


@dataclass
class Reading:
    """What reading the sources gave: the documents, kept on disk, what was skipped with the reason, and what to know of
    how others were read."""

    documents: Sequence[Document]
    skipped: Remarks = field(default_factory=Remarks)
    notes: Remarks = field(default_factory=Remarks)

    def lines(self) -> list[str]:
        """What was skipped and what to know, for people."""
        return [*(f"skipped {line}" for line in self.skipped.lines()), *(f"note {line}" for line in self.notes.lines())]


def read_documents(
    where: str | list[str],
    base: Path,
    *,
    text: str | list[str] | None = None,
    split: str = "train",
    cache: Path | None = None,
) -> Reading:
    """The documents in `where`, and what was skipped there.

    `where` is what find_documents takes, and datasets as `hf://owner/name` or `hf:///absolute/folder`.
    A file is named by its path from `base`. Tables and datasets give one document a row by `text` (see Wording),
    `file.jsonl#12`, or `#` and the `id` column where every row has its own; a workbook that has no such columns is
    read whole. `split` picks a dataset's split; `cache` is the file where texts are kept. What cannot be read is
    skipped and named. Raises UserError when nothing can be read, an entry is not there, no table has the columns of
    `text`, or a dataset or its `split` cannot be loaded.
    """
    entries = [where] if isinstance(where, str) else where
    reader = _Reader(base, Wording(text), Texts(cache))
    try:
        documents = DiskList(reader.documents(entries, split))
    finally:
        reader.texts.close()
    if reader.lacking and not reader.tables:
        name, what = reader.lacking[0]
        raise UserError(f"{name}: {what}.", hint="Mend sources.text in seedbed.yaml.")
    if not documents:
        reasons = "; ".join(reader.skipped.lines()[:5])
        raise UserError(f"No document could be read from {', '.join(entries)} ({reasons})", hint=UNDERSTOOD)
    return Reading(documents, reader.skipped, reader.notes)


class _Reader:
    """Reads one document at a time, and keeps what is said of them."""

    def __init__(self, base: Path, wording: Wording, texts: Texts) -> None:
        self.base, self.wording, self.texts = base, wording, texts
        self.skipped, self.notes = Remarks(), Remarks()
        self.tables, self.lacking = 0, list[tuple[str, str]]()  # tables with the columns that are asked for, or without

    def documents(self, entries: list[str], split: str) -> Iterator[Document]:
        """All documents; what cannot be read is added to `skipped`."""
        found = find([entry for entry in entries if not entry.startswith(HF)], self.base)
        for path in sorted(found.files):
            with self._skipping(name := self._name(path)):
                yield from self._rows(name, path) if path.suffix.lower() in TABLES else [self._document(name, path)]
        for entry in entries:
            if entry.startswith(HF):
                with self._skipping(entry):
                    yield from self._of_rows(entry, functools.partial(told_rows, dataset_rows(entry, split)))
        for path in sorted(found.links):
            self.skipped.add(
                self._name(path), "it is a link to a folder: name it under sources.documents to have it read"
            )
        for path in sorted(found.others):
            kind = f"{path.suffix.lower()} files" if path.suffix else "files without a suffix"
            self.skipped.add(self._name(path), f"{kind} are not read")

    @contextmanager
    def _skipping(self, name: str) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            self.skipped.add(name, str(error))
        except OSError as error:
            self.skipped.add(name, f"it cannot be opened: {error.strerror or error}")

    def _name(self, path: Path) -> str:
        return _encodable(Path(os.path.relpath(path, self.base)).as_posix())

    def _document(self, name: str, path: Path) -> Document:
        document = self.texts.document(path, name)
        for note in document.notes:
            self.notes.add(name, note)
        return document

    def _rows(self, name: str, path: Path) -> Iterator[Document]:
        """A document a row; a workbook whose columns are not named is a document itself."""
        read = functools.partial(table_rows, path, self.texts)
        if path.suffix.lower() == ".xlsx" and self.wording.lacks(_survey(read())[0]):
            yield self._document(name, path)
            return
        if path.suffix.lower() not in (".parquet", ".xlsx") and (encoding := table_encoding(path)[1]):
            self.notes.add(name, f"read as {encoding}")
        yield from self._of_rows(name, read)

    def _of_rows(self, name: str, read: Callable[[], Iterator[Row]]) -> Iterator[Document]:
        """A document a row. The table is read twice: first for its columns and ids, and for faults."""
        columns, own_ids = _survey(read())
        if not columns:
            raise Unreadable("it is a table without a readable row")
        if lacks := self.wording.lacks(columns):
            if self.wording.named:
                self.lacking.append((name, lacks))
            raise Unreadable(lacks)
        self.tables += 1
        for number, row in enumerate(read(), 1):
            key = _encodable(f"{name}#{row['id'] if own_ids else number}")
            if (text := self.wording.text(row)).strip():
                yield Document(key, text)
            else:
                self.skipped.add(key, f"there is no text in {self.wording}" if row else "it is not a JSON object")


def _survey(rows: Iterable[Row]) -> tuple[list[str], bool]:
    """The columns there are, and whether every row has an id of its own: 8 bytes of memory a row."""
    columns, ids, number = dict[str, None](), array("Q"), 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - the count is of use
        columns |= dict.fromkeys(row)
        if row.get("id") not in (None, ""):
            ids.append(int(digest(_encodable(str(row["id"]))), 16))
    return list(columns), number == np.unique(np.frombuffer(ids, np.uint64)).size


def _encodable(name: str) -> str:
    """Without what no encoder takes: a file name's undecodable bytes, JSON's lone surrogates."""
    return name.encode(errors="replace").decode()
