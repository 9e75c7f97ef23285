"""Reads the sources: files of many kinds, tables whose rows become texts, and datasets."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.errors import Unreadable, UserError
from seedbed.sources.finding import HF, TABLES, UNDERSTOOD, find
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.texts import Texts
from seedbed.sources.remarks import Remarks
from seedbed.sources.tables import (
    Row,
    RowText,
    checked_rows,
    dataset_rows,
    encodable,
    survey,
    table_encoding,
    table_rows,
)
from seedbed.storage.disk_list import DiskList


@dataclass
class Reading:
    """The documents of the sources, kept on disk; what was skipped, with the reason; and notes on how others were
    read."""

    documents: Sequence[Document]
    skipped: Remarks = field(default_factory=Remarks)
    notes: Remarks = field(default_factory=Remarks)

    def lines(self) -> list[str]:
        """The skipped documents and the notes, as lines for people."""
        return [*(f"skipped {line}" for line in self.skipped.lines()), *(f"note {line}" for line in self.notes.lines())]


def read_documents(
    where: str | list[str],
    base: Path,
    *,
    text: str | list[str] | None = None,
    split: str = "train",
    cache: Path | None = None,
) -> Reading:
    """Read the documents in `where`; what cannot be read is skipped and named.

    `where` holds paths as in find_documents, and datasets as `hf://owner/name` or `hf:///absolute/folder`. The name
    of a file is its path from `base`. Tables and datasets give one document per row, with the text that `text` makes
    (see RowText); its name is `file.jsonl#12`, or `#` with the row's `id` where every row has its own. A workbook
    without the columns of `text` is one document. `split` picks a dataset's split; `cache` is the file of the text
    cache. Raises UserError when nothing can be read, an entry is not there, no table has the columns of `text`, or a
    dataset or its `split` cannot be loaded.
    """
    entries = [where] if isinstance(where, str) else where
    reader = _Reader(base, RowText(text), Texts(cache))
    try:
        documents = DiskList(reader.documents(entries, split))
    finally:
        reader.texts.close()
    if reader.lacking and not reader.tables:
        name, lack = reader.lacking[0]
        raise UserError(f"{name}: {lack}.", hint="Fix sources.text in seedbed.yaml.")
    if not documents:
        reasons = "; ".join(reader.skipped.lines()[:5])
        raise UserError(f"No document could be read from {', '.join(entries)} ({reasons})", hint=UNDERSTOOD)
    return Reading(documents, reader.skipped, reader.notes)


class _Reader:
    """Reads one document at a time, and collects the remarks on them."""

    def __init__(self, base: Path, row_text: RowText, texts: Texts) -> None:
        self.base, self.row_text, self.texts = base, row_text, texts
        self.skipped, self.notes = Remarks(), Remarks()
        self.tables, self.lacking = 0, list[tuple[str, str]]()  # tables with and without the columns of sources.text

    def documents(self, entries: list[str], split: str) -> Iterator[Document]:
        """All documents; what cannot be read is added to `skipped`."""
        matches = find([entry for entry in entries if not entry.startswith(HF)], self.base)
        for path in sorted(matches.files):
            with self._skipping(name := self._name(path)):
                yield from self._rows(name, path) if path.suffix.lower() in TABLES else [self._document(name, path)]
        for entry in entries:
            if entry.startswith(HF):
                with self._skipping(entry):
                    yield from self._of_rows(entry, functools.partial(checked_rows, dataset_rows(entry, split)))
        for path in sorted(matches.links):
            self.skipped.add(
                self._name(path), "it is a link to a folder: name it under sources.documents to have it read"
            )
        for path in sorted(matches.other_files):
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
        return encodable(Path(os.path.relpath(path, self.base)).as_posix())

    def _document(self, name: str, path: Path) -> Document:
        document = self.texts.document(path, name)
        for note in document.notes:
            self.notes.add(name, note)
        return document

    def _rows(self, name: str, path: Path) -> Iterator[Document]:
        """One document per row; a workbook without the columns of `text` is itself one document."""
        read_rows = functools.partial(table_rows, path, self.texts)
        if path.suffix.lower() == ".xlsx" and self.row_text.lacks(survey(read_rows())[0]):
            yield self._document(name, path)
            return
        if path.suffix.lower() not in (".parquet", ".xlsx") and (encoding := table_encoding(path)[1]):
            self.notes.add(name, f"read as {encoding}")
        yield from self._of_rows(name, read_rows)

    def _of_rows(self, name: str, read_rows: Callable[[], Iterator[Row]]) -> Iterator[Document]:
        """One document per row. The table is read twice: first for its columns, its ids and its faults."""
        columns, own_ids = survey(read_rows())
        if not columns:
            raise Unreadable("it is a table without a readable row")
        if lacks := self.row_text.lacks(columns):
            if self.row_text.is_named:
                self.lacking.append((name, lacks))
            raise Unreadable(lacks)
        self.tables += 1
        for number, row in enumerate(read_rows(), 1):
            key = encodable(f"{name}#{row['id'] if own_ids else number}")
            if (text := self.row_text.text(row)).strip():
                yield Document(key, text)
            else:
                self.skipped.add(key, f"there is no text in {self.row_text}" if row else "it is not a JSON object")
