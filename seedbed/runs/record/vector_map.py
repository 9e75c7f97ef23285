"""Where the rows lie among each other: OUT/map.parquet, a sample of rows, rejected candidates and seeds as vectors."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from programs.core.embedding import Embed
from programs.core.row import Candidate
from programs.core.whole import write_whole
from seedbed.project.project import Project
from seedbed.runs.rows import candidate_of
from seedbed.storage.run_reader import shards_of

MAP = "map.parquet"
MOST = {"accepted": 1000, "rejected": 600, "seed": 400}  # texts of each state; a map of more cannot be read
COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),  # accepted, rejected, seed
        ("group", pa.string()),
        ("text", pa.string()),  # what must be new in a row, such as its question
        ("vector", pa.list_(pa.float32())),  # of unit length
    ]
)


def write_map(project: Project, embed: Embed, out: Path) -> None:
    """Embed the texts and write the file. The sample holds the smallest ids, which are digests, so the same rows give
    the same sample. Raises OSError."""
    lines = [*_stored(out, "rows"), *_stored(out, "rejected"), *_seeds(project)]
    if not lines:
        return
    vectors = embed([line["text"] for line in lines])
    table = pa.Table.from_pylist(
        [line | {"vector": vector} for line, vector in zip(lines, vectors, strict=True)], COLUMNS
    )
    write_whole(out / MAP, lambda aside: pq.write_table(table, aside, compression="zstd"))


def _stored(out: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Accepted rows, or rejected candidates, that have a text."""
    shards, state = shards_of(out, kind), "accepted" if kind == "rows" else "rejected"
    ids = (id for shard in shards for id in shard.read(columns=["id"])["id"].to_pylist())
    sample = heapq.nsmallest(MOST[state], ids)
    for shard in shards:
        for row in shard.rows(filters=[("id", "in", sample)]) if sample else []:
            if text := _text(_candidate(row, kind)):
                yield {"id": row["id"], "state": state, "group": row["lineage"]["group"], "text": text}


def _candidate(row: dict[str, Any], kind: str) -> Candidate | None:
    """The candidate of a row; None for a placeholder of a failed call."""
    if kind == "rejected" and row["candidate"] == "{}":
        return None
    return candidate_of(row, accepted=kind == "rows")


def _seeds(project: Project) -> Iterator[dict[str, Any]]:
    seeds = heapq.nsmallest(MOST["seed"], project.inputs.seeds, key=lambda seed: str(seed.id))
    for seed in seeds:
        if text := _text(seed.row) or seed.shown:
            yield {"id": seed.id, "state": "seed", "group": seed.group, "text": text}


def _text(row: Candidate | None) -> str:
    return row.novelty_key or row.response if row else ""
