"""Finds and reads the sources: files of many kinds, tables with a text column, and datasets."""

from __future__ import annotations

import csv
import functools
import glob
import json
import os
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from programs.candidate import digest
from seedbed.document import Document, Unreadable
from seedbed.errors import UserError
from seedbed.extract import SUFFIXES, extract, plain
from seedbed.spool import Spool

TABLES = (".csv", ".jsonl", ".parquet")
HF = "hf://"
JOURNAL = "journal.sqlite"  # in the folder of each run

_Row = dict[str, Any]
_Skipped = list[tuple[str, str]]
_UNDERSTOOD = f"Name {', '.join(SUFFIXES)} files, {', '.join(TABLES)} tables or {HF}owner/name datasets."


@dataclass
class Reading:
    """What reading the sources gave: the documents, kept on disk, and the name of all that was skipped with the
    reason."""

    documents: Sequence[Document]
    skipped: _Skipped


def find_documents(where: str | list[str], base: Path) -> list[Path]:
    """The files of an understood suffix in `where`, sorted: folders (to the bottom), globs or files.

    Paths are taken from `base`; hidden files and folders are left out, and so is what a run wrote into a folder, unless
    the entry names that very folder or file. Raises UserError for an entry that is not there or holds no such file.
    """
    entries = [where] if isinstance(where, str) else where
    return sorted({path for entry in entries for path in _find(entry, base)})


def read_documents(
    where: str | list[str], base: Path, *, text_column: str | None = None, split: str = "train"
) -> Reading:
    """The documents in `where`, and what was skipped there.

    `where` is what find_documents takes, and datasets as `hf://owner/name` or `hf:///absolute/folder`.
    A file is named by its path from `base`. Tables and datasets give one document a row, `file.jsonl#12`,
    or `#` and the `id` column where every row has its own; `split` picks a dataset's split. What cannot be
    read is skipped and named. Raises UserError when nothing can be read, an entry is not there, a table lacks
    `text_column`, or a dataset or its `split` cannot be loaded.
    """
    entries, skipped = [where] if isinstance(where, str) else where, _Skipped()
    documents = Spool(_documents(entries, base, text_column, split, skipped))
    if not documents:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped[:3])
        raise UserError(f"No document could be read from {', '.join(entries)} ({reasons})", hint=_UNDERSTOOD)
    return Reading(documents, skipped)


def _documents(entries: list[str], base: Path, column: str | None, split: str, skipped: _Skipped) -> Iterator[Document]:
    """One document at a time; what cannot be read is added to `skipped`."""
    for path in find_documents([entry for entry in entries if not entry.startswith(HF)], base):
        name = _encodable(Path(os.path.relpath(path, base)).as_posix())
        with _skipping(name, skipped):
            if path.suffix.lower() in TABLES:
                yield from _of_rows(name, functools.partial(table_rows, path), column, skipped)
            else:
                yield extract(path, name)
    for entry in entries:
        if entry.startswith(HF):
            with _skipping(entry, skipped):
                yield from _of_rows(entry, functools.partial(iter, dataset_rows(entry, split)), column, skipped)


@contextmanager
def _skipping(name: str, skipped: _Skipped) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        skipped.append((name, str(error)))


def _find(entry: str, base: Path) -> list[Path]:
    try:
        return _found(entry, base)
    except OSError as error:
        raise UserError(
            f"{error.filename or entry} cannot be looked into: {error.strerror}.", hint="Mend its permissions."
        ) from error


def _found(entry: str, base: Path) -> list[Path]:
    place = base / Path(entry).expanduser()
    if place.is_dir():
        files = [path for path in place.rglob("*") if not _hidden(path.relative_to(place))]
    else:
        matches = glob.glob(str(Path(entry).expanduser()), root_dir=base, recursive=True)  # noqa: PTH207
        files = [place] if place.exists() else [base / match for match in matches]
    if place.is_dir() or not place.exists():
        files = _not_of_runs(files, place if place.is_dir() else base)
    found = [path for path in files if path.suffix.lower() in (*SUFFIXES, *TABLES) and _is_file(path)]
    if not found:
        what = "There is nothing Seedbed can read in" if files or place.exists() else "Nothing was found at"
        raise UserError(f"{what} {entry!r}, looked for in {base.resolve()}", hint=_UNDERSTOOD)
    return found


def _not_of_runs(files: list[Path], top: Path) -> list[Path]:
    """Without what runs wrote: their own card and rows are no documents. The folder `top` and those above it may hold
    a run all the same."""

    @functools.cache
    def of_run(folder: Path) -> bool:
        return folder not in (top, folder.parent) and ((folder / JOURNAL).is_file() or of_run(folder.parent))

    return [path for path in files if not of_run(path.parent)]


def _is_file(path: Path) -> bool:
    """A file, or a link to nothing or to itself, which is to be named; no folder or pipe."""
    return path.is_file() or not path.exists()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def table_rows(path: Path) -> Iterator[_Row]:
    """The rows of a file whose suffix is in TABLES; of JSON Lines an empty one where a line is no JSON object.

    Raises Unreadable, with the reason in words.
    """
    reader = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}[path.suffix.lower()]
    try:
        yield from reader(path)
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's errors are ValueErrors
        raise Unreadable(f"it cannot be read as a table: {error}") from error


def _csv_rows(path: Path) -> Iterator[_Row]:
    csv.field_size_limit(sys.maxsize)  # the default refuses texts over 128 KiB
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, restkey="(more)")


def _jsonl_rows(path: Path) -> Iterator[_Row]:
    """One dict a line that is not blank; an empty one where the line is no JSON object."""
    with path.open(encoding="utf-8-sig") as file:
        for line in filter(str.strip, file):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else {}


def _parquet_rows(path: Path) -> Iterator[_Row]:
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(path).iter_batches(batch_size=1000):
        yield from batch.to_pylist()


def dataset_rows(entry: str, split: str) -> Iterable[_Row]:
    """The rows of `hf://owner/name` or `hf:///absolute/folder`, each read when it is its turn. Raises UserError
    where they cannot be had."""
    import datasets

    place = entry.removeprefix(HF)
    try:
        saved = place.startswith("/")
        found = datasets.load_from_disk(place) if saved else datasets.load_dataset(place, split=split)
    except Exception as error:  # the hub, the network and the disk each fail in ways of their own
        raise UserError(f"{entry} could not be loaded: {error}", hint="Check name and split.") from error
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            raise UserError(f"{entry} has no split {split!r}", hint=f"Name one of {', '.join(found)}.")
        found = found[split]
    rows: Iterable[_Row] = found
    return rows


def _of_rows(
    name: str, read: Callable[[], Iterator[_Row]], column: str | None, skipped: _Skipped
) -> Iterator[Document]:
    """A document a row. The table is read twice: first for its columns and ids, and for faults."""
    columns, own_ids = _survey(read())
    if not columns:
        raise Unreadable("it is a table without a readable row")
    if column is None:
        raise Unreadable(f"it is a table: name its text column, one of {', '.join(columns)}")
    if column not in columns:
        raise UserError(f"{name} has no column {column!r}", hint=f"Name one of {', '.join(columns)}.")
    for number, row in enumerate(read(), 1):
        key, value = row["id"] if own_ids else number, row.get(column)
        text = plain(value) if isinstance(value, str) else ""
        if text.strip():
            yield Document(_encodable(f"{name}#{key}"), text)
        else:
            reason = f"there is no text in column {column!r}" if row else "it is not a JSON object"
            skipped.append((_encodable(f"{name}#{key}"), reason))


def _survey(rows: Iterable[_Row]) -> tuple[list[str], bool]:
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
