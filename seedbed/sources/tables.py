"""Reads the rows of tables, and makes texts of them: from a column, several columns or a template."""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from programs.core.row import digest
from seedbed.encodings import encoding
from seedbed.errors import Unreadable, UserError
from seedbed.sources.finding import HF
from seedbed.sources.reading.extract import plain
from seedbed.sources.reading.texts import Texts, contents

Row = dict[str, Any]
TEXT = "text"  # the column to read where none is named
_PIECE = 1 << 20  # bytes
_FIELD = re.compile(r"\{([^{}]+)\}")  # of a template


class RowText:
    """Turns rows into texts: from one column, several (a line each, `name: value`), or a template with `{names}`.

    Args:
        text: the column, the columns, or the template; None is the column `text`.
    """

    def __init__(self, text: str | Sequence[str] | None) -> None:
        self.is_named = text is not None
        self._columns = _FIELD.findall(text) if isinstance(text, str) else list(text or ())
        self._template = text if self._columns and isinstance(text, str) else None
        self._columns = self._columns or [text if isinstance(text, str) else TEXT]

    def lacks(self, columns: Sequence[str]) -> str:
        """Why a table of these columns gives no text, in words; "" where it gives one."""
        if self.is_named:
            absent = [name for name in self._columns if name not in columns]
            return f"it has no column {absent[0]!r}, but {', '.join(columns)}" if absent else ""
        unnamed = f"it is a table: name its text columns under sources.text, one or more of {', '.join(columns)}"
        return "" if TEXT in columns else unnamed

    def text(self, row: Row) -> str:
        """The plain text of a row; "" where there is none."""
        if self._template:
            values = {name: _cell_text(row.get(name)) for name in self._columns}
            return plain(_FIELD.sub(lambda field: values[field[1]], self._template)) if any(values.values()) else ""
        if len(self._columns) == 1:
            return plain(value) if isinstance(value := row.get(self._columns[0]), str) else ""
        return plain("\n".join(f"{name}: {value}" for name in self._columns if (value := _cell_text(row.get(name)))))

    def __str__(self) -> str:
        """The columns of the text, in words."""
        return f"column{'s' * (len(self._columns) > 1)} {', '.join(map(repr, self._columns))}"


def _cell_text(value: Any) -> str:
    """A cell's value as text; "" for None, NaN and dicts."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_cell_text, value)))
    if value is None or isinstance(value, dict) or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def table_rows(path: Path, texts: Texts | None = None) -> Iterator[Row]:
    """The rows of a file whose suffix is in TABLES; a line of JSON Lines that is no JSON object gives an empty row.

    Raises Unreadable, with the reason in words.
    """
    yield from checked_rows(_READERS[path.suffix.lower()](path, texts or Texts(None)))


def checked_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """Pass on the rows of a table or dataset. Raises Unreadable, with the reason in words, where one cannot be read.
    Most errors of pyarrow are ValueErrors; a date out of range or a picture without its package raises others."""
    try:
        yield from rows
    except (OSError, ValueError, csv.Error, RecursionError, OverflowError, ImportError) as error:
        raise Unreadable(f"it cannot be read as a table: {error}") from error


def table_encoding(path: Path) -> tuple[str, str]:
    """Like `encoding`, for a file; a UTF-8 file may be larger than memory. Raises Unreadable, OSError."""
    if path.suffix.lower() == ".json":  # read whole in any case
        return encoding(contents(path))
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            head = file.read(_PIECE)
            if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
                return encoding(head[: len(head) // 4 * 4])
            while head:
                decoder.decode(head)
                head = file.read(_PIECE)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return encoding(path.read_bytes())
    return "utf-8-sig", ""


def _csv_rows(path: Path, _: Texts) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)  # the default refuses texts over 128 KiB
    with path.open(encoding=table_encoding(path)[0], newline="") as file:
        head = file.readline()
        file.seek(0)
        yield from csv.DictReader(file, restkey="(more)", delimiter=_delimiter(path, head))


def _delimiter(path: Path, head: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return "," if "," in head else max(";\t|", key=head.count) if any(mark in head for mark in ";\t|") else ","


def _jsonl_rows(path: Path, _: Texts) -> Iterator[Row]:
    """One dict per line that is not blank; an empty dict where the line is no JSON object."""
    with path.open(encoding=table_encoding(path)[0]) as file:
        for line in filter(str.strip, file):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else {}


def _json_rows(path: Path, _: Texts) -> Iterator[Row]:
    """The objects of an array, of the only array in an object, or the object itself; a string is a text."""
    data = contents(path)
    text = data.decode(encoding(data)[0])
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise ValueError("it holds more than one JSON value; one a line is a .jsonl file") from error
        raise
    lists = [part for part in value.values() if isinstance(part, list)] if isinstance(value, dict) else []
    if len(lists) == 1 and all(isinstance(part, dict) for part in lists[0]) and lists[0]:
        value = lists[0]
    for row in value if isinstance(value, list) else [value]:
        yield row if isinstance(row, dict) else {TEXT: row} if isinstance(row, str) else {}


def _parquet_rows(path: Path, _: Texts) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(path).iter_batches(batch_size=1000):
        yield from batch.to_pylist()


def _xlsx_rows(path: Path, texts: Texts) -> Iterator[Row]:
    yield from texts.read("rows", contents(path), ".xlsx")["rows"]


_READERS: dict[str, Callable[[Path, Texts], Iterator[Row]]] = {
    ".csv": _csv_rows,
    ".json": _json_rows,
    ".jsonl": _jsonl_rows,
    ".parquet": _parquet_rows,
    ".tsv": _csv_rows,
    ".xlsx": _xlsx_rows,
}


def dataset_rows(entry: str, split: str) -> Iterable[Row]:
    """The rows of `hf://owner/name` or `hf:///absolute/folder`, read one at a time. Raises UserError where the dataset
    cannot be loaded."""
    import datasets

    place = entry.removeprefix(HF)
    if not place.strip("/"):
        raise UserError(f"{entry} names no dataset.", hint=f"Name one as {HF}owner/name, or {HF}/absolute/folder.")
    try:
        saved = place.startswith("/")
        dataset = datasets.load_from_disk(place) if saved else datasets.load_dataset(place, split=split)
    except Exception as error:  # the hub, the network and the disk raise many kinds
        raise UserError(f"{entry} could not be loaded: {error}", hint="Check name and split.") from error
    if isinstance(dataset, datasets.DatasetDict):
        if split not in dataset:
            raise UserError(f"{entry} has no split {split!r}", hint=f"Name one of {', '.join(dataset)}.")
        dataset = dataset[split]
    rows: Iterable[Row] = dataset
    return rows


def survey(rows: Iterable[Row]) -> tuple[list[str], bool]:
    """The columns of the rows, and whether every row has an id of its own; takes 8 bytes of memory a row."""
    columns, ids, number = dict[str, None](), array("Q"), 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - used below as the count
        columns |= dict.fromkeys(row)
        if row.get("id") not in (None, ""):
            ids.append(int(digest(encodable(str(row["id"]))), 16))
    return list(columns), number == np.unique(np.frombuffer(ids, np.uint64)).size


def encodable(name: str) -> str:
    """Replace what cannot be encoded: undecodable bytes of file names, lone surrogates of JSON."""
    return name.encode(errors="replace").decode()
