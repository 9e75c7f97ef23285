"""Finds and reads the sources: files of many kinds, tables with a text column, and datasets."""

from __future__ import annotations

import csv
import glob
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedbed.document import Document, Unreadable
from seedbed.errors import UserError
from seedbed.extract import SUFFIXES, extract, plain

TABLES = (".csv", ".jsonl", ".parquet")
HF = "hf://"

_Row = dict[str, Any]
_UNDERSTOOD = f"Name {', '.join(SUFFIXES)} files, {', '.join(TABLES)} tables or {HF}owner/name datasets."


@dataclass
class Reading:
    """What reading the sources gave: the documents, and the name of all that was skipped with the reason."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def find_documents(where: str | list[str], base: Path) -> list[Path]:
    """The files of an understood suffix in `where`, sorted: folders (to the bottom), globs or files.

    Paths are taken from `base`; hidden files and folders are left out. Raises UserError for an entry that is
    not there or holds no such file.
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
    entries = [where] if isinstance(where, str) else where
    reading = Reading()
    for path in find_documents([entry for entry in entries if not entry.startswith(HF)], base):
        name = Path(os.path.relpath(path, base)).as_posix()
        with _skipping(name, reading):
            if path.suffix.lower() in TABLES:
                _add_rows(name, list(table_rows(path)), text_column, reading)
            else:
                reading.documents.append(extract(path, name))
    for entry in entries:
        if entry.startswith(HF):
            with _skipping(entry, reading):
                _add_rows(entry, dataset_rows(entry, split), text_column, reading)
    if not reading.documents:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in reading.skipped[:3])
        raise UserError(f"No document could be read from {', '.join(entries)} ({reasons})", hint=_UNDERSTOOD)
    return reading


@contextmanager
def _skipping(name: str, reading: Reading) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        reading.skipped.append((name, str(error)))


def _find(entry: str, base: Path) -> list[Path]:
    place = base / Path(entry).expanduser()
    if place.is_dir():
        files = [path for path in place.rglob("*") if not _hidden(path.relative_to(place))]
    else:
        matches = glob.glob(str(Path(entry).expanduser()), root_dir=base, recursive=True)  # noqa: PTH207
        files = [place] if place.exists() else [base / match for match in matches]
    found = [path for path in files if path.suffix.lower() in (*SUFFIXES, *TABLES) and path.is_file()]
    if not found:
        what = "There is nothing Seedbed can read in" if files or place.exists() else "Nothing was found at"
        raise UserError(f"{what} {entry!r}, looked for in {base.resolve()}", hint=_UNDERSTOOD)
    return found


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

    for batch in ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def dataset_rows(entry: str, split: str) -> list[_Row]:
    """The rows of `hf://owner/name` or `hf:///absolute/folder`. Raises UserError where they cannot be had."""
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
    return list(found)


def _add_rows(name: str, rows: list[_Row], column: str | None, reading: Reading) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        raise Unreadable("it is a table without a readable row")
    if column is None:
        raise Unreadable(f"it is a table: name its text column, one of {', '.join(columns)}")
    if column not in columns:
        raise UserError(f"{name} has no column {column!r}", hint=f"Name one of {', '.join(columns)}.")
    for key, row in zip(_keys(rows), rows, strict=True):
        value = row.get(column)
        text = plain(value) if isinstance(value, str) else ""
        if text.strip():
            reading.documents.append(Document(f"{name}#{key}", text))
        else:
            reason = f"there is no text in column {column!r}" if row else "it is not a JSON object"
            reading.skipped.append((f"{name}#{key}", reason))


def _keys(rows: list[_Row]) -> list[str]:
    """The rows' ids where every row has its own, else their numbers from 1."""
    ids = {str(row["id"]): None for row in rows if row.get("id") not in (None, "")}
    return list(ids) if len(ids) == len(rows) else [str(number) for number in range(1, len(rows) + 1)]
