"""Reads the rows of a table, a dataset, a finished run, or the seeds, each as a source."""

import contextlib
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from programs.core.recipe import Recipe
from programs.core.row import Source, digest
from seedbed.config.load import unknown
from seedbed.config.reference import expanded
from seedbed.errors import Unreadable, UserError
from seedbed.sources.cells import cell, is_empty, with_chat
from seedbed.sources.finding import HF, TABLES
from seedbed.sources.names import group_name
from seedbed.sources.reading.texts import Texts
from seedbed.sources.remarks import Remarks
from seedbed.sources.run_rows import RunRows, origin_of
from seedbed.sources.source_set import Request, SourceSet
from seedbed.sources.tables import Row, checked_rows, dataset_rows, survey, table_encoding, table_rows
from seedbed.storage.disk_list import DiskList

GROUP = "group"  # the name in sources.columns of the column whose equal values a split keeps together
HINT = "Name a table, hf://owner/name or the folder of a finished run under sources: rows:."


class Entry(NamedTuple):
    """A row before it is a source. `values`: its columns. `origin`: where it comes from, its id or number as `row`.
    `group`: that of its passage or seed, if it has one. `shown`: the id of the seed that it is."""

    values: Row
    origin: dict[str, Any]
    group: str = ""
    shown: tuple[str, ...] = ()


class Table(NamedTuple):
    """The rows of one place. `entries` can be read once. `made`: a model wrote them, so that a column of theirs is an
    optional input, such as a right answer, only if the config names it."""

    name: str
    columns: list[str]
    entries: Iterable[Entry]
    made: bool = False


def read_rows(request: Request) -> SourceSet:
    """One source per row of `sources.rows`, or of the seeds if that names none. Equal rows are one source.

    Raises UserError if the rows cannot be read, if they lack a column that the recipe needs, or if none can be used.
    """
    skipped, notes = Remarks(), Remarks()
    name = request.config.sources.rows or ", ".join(request.config.seeds)
    with contextlib.closing(Texts(request.base / ".seedbed" / "texts.sqlite")) as texts:
        try:
            table = _table(request, texts, skipped, notes)
            columns = _columns(request, table)
            sources = DiskList(_sources(table, request.recipe, columns, skipped))
        except Unreadable as error:
            raise UserError(f"{name} cannot be used: {error}.", hint=HINT) from error
        except OSError as error:
            raise UserError(
                f"{name} cannot be opened: {error.strerror or error}.", hint="Mend sources.rows."
            ) from error
    if not sources:
        reasons = "; ".join(skipped.lines()[:5]) or "there is none"
        raise UserError(f"No row of {name} can be used: {reasons}.", hint="Mend the rows, or name others.")
    return SourceSet(sources, skipped, notes)


def _table(request: Request, texts: Texts, skipped: Remarks, notes: Remarks) -> Table:
    entry, base = request.config.sources.rows, request.base
    if entry is None:
        notes.add(", ".join(request.config.seeds), "its seeds are the rows, because sources.rows names none")
        return _seed_table(request)
    if entry.startswith(HF):
        return _plain_table(entry, functools.partial(checked_rows, dataset_rows(entry, request.config.sources.split)))
    path = base / expanded(entry)
    if path.is_dir():
        return _run_table(entry, RunRows(path, base), skipped)
    _check_file(entry, path)
    if path.suffix.lower() not in (".parquet", ".xlsx") and (encoding := table_encoding(path)[1]):
        notes.add(entry, f"read as {encoding}")
    return _plain_table(entry, functools.partial(table_rows, path, texts))


def _check_file(entry: str, path: Path) -> None:
    if not path.exists():
        raise UserError(f"sources.rows: there is no {entry}, looked for in {path.parent.resolve()}.", hint=HINT)
    if path.suffix.lower() not in TABLES:
        raise UserError(f"sources.rows: {entry} is no table, which ends in {', '.join(TABLES)}.", hint=HINT)


def _seed_table(request: Request) -> Table:
    seeds = [(seed, seed.model_dump()) for seed in request.seeds()]
    entries = [Entry(values, {"row": seed.id}, seed.group, (seed.id,)) for seed, values in seeds]
    return Table(", ".join(request.config.seeds), list(request.recipe.seed.model_fields), entries)


def _plain_table(name: str, read: Callable[[], Iterator[Row]]) -> Table:
    """The table of a file or dataset, which is read twice: first for its columns, its ids and its faults."""
    columns, own_ids = survey(map(with_chat, read()))
    if not columns:
        raise Unreadable("it is a table without a readable row")
    numbered = enumerate(map(with_chat, read()), 1)
    return Table(
        name, columns, (Entry(row, {"row": cell(row["id"]) if own_ids else number}) for number, row in numbered)
    )


def _run_table(name: str, rows: RunRows, skipped: Remarks) -> Table:
    columns, _ = survey(map(with_chat, rows))

    def entries() -> Iterator[Entry]:
        for row in rows:
            if rows.is_refused(row):
                skipped.add(f"{name}#{row['id']}", "a person's verdict on it is no")
            else:
                yield Entry(with_chat(row), origin_of(row), row["lineage"]["group"])

    return Table(name, columns, entries(), made=True)


def _columns(request: Request, table: Table) -> dict[str, str]:
    """The column of each input that the table has, and of `group` if the config names one. Raises UserError if it names
    an input that the recipe does not have or a column that the table does not have, or if a needed input has none."""
    recipe, named = request.recipe, request.config.sources.columns
    inputs = [*recipe.inputs, *recipe.optional_inputs]
    for name in named.keys() - {*inputs, GROUP}:
        raise UserError(f"sources.columns: {unknown('input', name, [*inputs, GROUP])}.", hint="Correct its name.")
    given = () if table.made else table.columns
    columns = {name: name for name in inputs if name in recipe.inputs or name in given} | named
    for name, column in columns.items():
        if column not in table.columns:
            raise UserError(
                f"{table.name} has no column {column!r} for {name}. Its columns are {', '.join(table.columns)}.",
                hint=f"Name the column under sources: columns: {{{name}: COLUMN}}"
                + ("." if request.config.sources.rows else ", or a table under sources: rows:."),
            )
    return columns


def _sources(table: Table, recipe: Recipe, columns: Mapping[str, str], skipped: Remarks) -> Iterator[Source]:
    """One source per row that has all needed inputs; of equal rows the first. Others go to `skipped`."""
    seen = set[int]()
    for entry in table.entries:
        inputs = {name: _as_input(entry.values.get(column)) for name, column in columns.items() if name != GROUP}
        id = digest("row", json.dumps(inputs, sort_keys=True))
        empty = [columns[name] for name in recipe.inputs if is_empty(inputs[name])]
        if not entry.values:
            reason = "it is not a JSON object"
        elif empty:
            reason = f"its column {empty[0]!r} is empty"
        elif int(id, 16) in seen:
            reason = "an earlier row is equal"
        else:
            seen.add(int(id, 16))
            yield _source(id, entry, inputs, _group(entry, columns, inputs[recipe.inputs[0]]))
            continue
        skipped.add(f"{table.name}#{entry.origin['row']}", reason)


def _as_input(value: Any) -> Any:
    """A cell as an input of a program, to which a number is a text."""
    value = cell(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _source(id: str, entry: Entry, inputs: Mapping[str, Any], group: str) -> Source:
    """An optional input that the row lacks is left out, so that the program's own default holds."""
    filled = {name: value for name, value in inputs.items() if not is_empty(value)}
    return Source(id=id, group=group, inputs=filled, origin=entry.origin, shown=list(entry.shown))


def _group(entry: Entry, columns: Mapping[str, str], content: Any) -> str:
    """The row's own group; else that of its passage or seed; else one for all rows with the same first input."""
    own = cell(entry.values.get(columns[GROUP])) if GROUP in columns else None
    if not is_empty(own):
        return group_name(str(own))
    return entry.group or group_name(content if isinstance(content, str) else json.dumps(content))
