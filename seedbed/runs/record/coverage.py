"""Which sources gave rows: OUT/sources.parquet, a line for each source of the run, tried or not."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from programs.core.row import Source
from programs.core.whole import write_whole
from seedbed.sources.chunks import CHARACTERS_PER_TOKEN
from seedbed.storage.run_reader import shards_of

SOURCES = "sources.parquet"
FIELDS = ("source", "group", "draw")  # of the lineage
BATCH = 10_000  # sources in memory at once
COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("group", pa.string()),
        ("document", pa.string()),  # empty if it is not of a document
        ("start", pa.int64()),  # characters of the document; null likewise
        ("end", pa.int64()),
        ("tokens", pa.int64()),  # estimated
        ("tried", pa.int64()),  # draws of it that were committed
        ("candidates", pa.int64()),
        ("accepted", pa.int64()),
        ("held_out", pa.bool_()),  # its rows go to the validation split
    ]
)


class Tries(NamedTuple):
    """What came of one source."""

    group: str
    tried: int
    candidates: int
    accepted: int


def write_sources(
    sources: Iterable[Source], out: Path, is_held_out: Callable[[str], bool] = lambda group: False
) -> None:
    """Write the file. Sources that the recipe itself makes, as of seeds, are there if they were tried. `is_held_out`:
    whether the rows of a group go to the validation split. Raises OSError."""
    write_whole(out / SOURCES, lambda aside: _write(sources, _tries(out), is_held_out, aside))


def _write(sources: Iterable[Source], tries: dict[str, Tries], is_held_out: Callable[[str], bool], path: Path) -> None:
    with pq.ParquetWriter(path, COLUMNS, compression="zstd") as writer:
        lines = itertools.chain(_known(sources, tries), _made(tries))
        while batch := list(itertools.islice(lines, BATCH)):
            marked = [line | {"held_out": is_held_out(line["group"])} for line in batch]
            writer.write_table(pa.Table.from_pylist(marked, COLUMNS))


def _known(sources: Iterable[Source], tries: dict[str, Tries]) -> Iterator[dict[str, Any]]:
    """The project's sources; takes those that were tried out of `tries`."""
    for source in sources:
        yield {
            **_line(source.id, tries.pop(source.id, Tries(source.group, 0, 0, 0))),
            **_place(source.origin),
            "tokens": len(source.inputs.get("document") or "") // CHARACTERS_PER_TOKEN,
        }


def _made(tries: Mapping[str, Tries]) -> Iterator[dict[str, Any]]:
    """Sources that are not the project's."""
    for id, tried in sorted(tries.items()):
        yield {**_line(id, tried), **_place({}), "tokens": 0}


def _line(id: str, tried: Tries) -> dict[str, Any]:
    return {"id": id, **tried._asdict()}


def _place(origin: Mapping[str, Any]) -> dict[str, Any]:
    """The document and the characters of a source, from its first span to its last."""
    spans = origin.get("spans") or ([origin] if "document" in origin else [])
    if not spans:
        return {"document": "", "start": None, "end": None}
    return {"document": spans[0]["document"], "start": spans[0].get("start"), "end": spans[-1].get("end")}


def _tries(out: Path) -> dict[str, Tries]:
    """What came of each source, by its id, from the shards of the run in a folder."""
    tables = []
    for kind in ("rows", "rejected"):
        for shard in shards_of(out, kind):
            table = shard.read(columns=[f"lineage.{field}" for field in FIELDS])
            tables.append(table.append_column("accepted", pa.repeat(int(kind == "rows"), len(table))))
    if not tables:
        return {}
    counted = (
        pa.concat_tables(tables)
        .group_by(["source", "group"])
        .aggregate([("draw", "count_distinct"), ("draw", "count"), ("accepted", "sum")])
        .to_pylist()
    )
    return {
        line["source"]: Tries(line["group"], line["draw_count_distinct"], line["draw_count"], line["accepted_sum"])
        for line in counted
    }
