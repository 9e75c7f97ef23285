"""The finished runs that an export reads: their rows, one after the other, and what is known of each without it."""

import dataclasses
import functools
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics.checks.registry import ON_ANSWERS
from programs.core.kinds import kind_of
from programs.core.recipe import recipes
from programs.core.row import Candidate
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.export.example import Example
from seedbed.export.format import Rejected
from seedbed.runs.record.coverage import SOURCES
from seedbed.runs.rows import PAIRS, row_type
from seedbed.sources.run_rows import finished_report
from seedbed.sources.run_verdicts import RunVerdicts
from seedbed.storage.run_reader import Shard, shards_of

_RUN = "seedbed run --out DIR makes one."
BATCH = 1000  # rows in memory at once


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """The rows of one finished run. `name` is that of its folder."""

    folder: Path

    def __post_init__(self) -> None:
        """Raises UserError if the folder holds no finished run with rows, of a recipe that there is."""
        if self.report["recipe"] not in (*recipes(), PAIRS):
            raise UserError(
                f"{self.folder} is of the recipe {self.report['recipe']}, which is not known here.", hint=_RUN
            )
        if not shards_of(self.folder, "rows"):
            raise UserError(f"The run in {self.folder} accepted no row.", hint="Name the folder of another run.")

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        """run.json. Raises UserError if there is none, or if it is damaged."""
        return finished_report(self.folder, _RUN)

    @functools.cached_property
    def row_type(self) -> type[Candidate]:
        """The class of its rows."""
        return row_type(self.report["recipe"], self.report.get("options"))

    @functools.cached_property
    def verdicts(self) -> RunVerdicts:
        """What people said of its rows."""
        return RunVerdicts(self.folder, self.report)

    @functools.cached_property
    def called(self) -> dict[str, bool]:
        """What people said of its accepted rows: the id of a row -> whether they called it good."""
        if not len(self.verdicts):
            return {}
        rows = (row for shard in shards_of(self.folder, "rows") for row in _rows(shard))
        said = ((row["id"], self.verdicts.of(self.row_type.model_validate(row))) for row in rows)
        return {id: is_good for id, is_good in said if is_good is not None}

    @functools.cached_property
    def held_out(self) -> frozenset[str]:
        """The groups (documents) whose rows are for validation, as far as the run recorded it."""
        index = self.index.filter(pc.equal(self.index["split"], "validation"))
        recorded = self.folder / SOURCES
        held = set(index["group"].to_pylist())
        if recorded.is_file() and "held_out" in pq.read_schema(recorded).names:
            table = pq.read_table(recorded, columns=["group"], filters=[("held_out", "==", True)])
            held |= set(table["group"].to_pylist())
        return frozenset(held)

    @property
    def kind(self) -> type[Candidate]:
        """The kind of its rows."""
        return kind_of(self.row_type)

    @functools.cached_property
    def index(self) -> pa.Table:
        """Of each accepted row: id, split, group, teacher, models and probability (null if it was not recorded)."""
        return pa.concat_tables([_index(shard) for shard in shards_of(self.folder, "rows")])

    def examples(self, chosen: Collection[str] | None = None) -> Iterator[Example]:
        """The accepted rows whose ids are among `chosen` (all if None), in the order of the run, train first."""
        for shard in shards_of(self.folder, "rows"):
            for row in _rows(shard):
                if chosen is None or row["id"] in chosen:
                    candidate = self.row_type.model_validate(row)
                    called = self.called.get(row["id"])
                    yield Example.of(row, candidate, run=self.name, split=shard.split, called=called)

    def rejected(self, which: Rejected) -> Iterator[Example]:
        """The rejected candidates that have a prompt and an answer; of `answers`, those whose answer is at fault, and
        not the question or something else of the row."""
        for shard in shards_of(self.folder, "rejected") if which != "none" else ():
            for row in _rows(shard):
                if which == "all" or row["reason"] in ON_ANSWERS:
                    candidate = self.row_type.model_validate(json.loads(row["candidate"]))
                    if candidate.written.strip() and candidate.prompt.strip():
                        called = self.verdicts.of(candidate)
                        yield Example.of(row, candidate, run=self.name, split="train", called=called)

    def may_not_train(self, which: Rejected = "none") -> list[str]:
        """The models that wrote rows, or rejected candidates of this choice, and whose output is not stated to be
        allowed to train others, as alias (model)."""
        shards = shards_of(self.folder, "rejected") if which != "none" else []
        columns = [self.index["models"], *(shard.read(columns=["lineage.models"])["models"] for shard in shards)]
        writers = {model for models in columns for model in pc.unique(pc.list_flatten(models)).to_pylist()}
        entries = self.report["config"]["models"]
        known = {alias: ModelEntry.recorded(entries[alias]) for alias in sorted(writers) if alias in entries}
        return [f"{alias} ({entry.model})" for alias, entry in known.items() if not entry.may_train]


def one_kind(runs: Sequence[FinishedRun]) -> type[Candidate]:
    """The kind of the rows of all runs. Raises UserError if they are of several, or if two folders share a name."""
    names = [run.name for run in runs]
    if len({*names}) < len(names):
        raise UserError(
            f"Two runs are called {max(names, key=names.count)}, and lines name their run.", hint="Rename a folder."
        )
    kinds = {run.kind.__name__: run for run in runs}
    if len(kinds) > 1:
        told = ", ".join(f"{run.folder} has {name} rows" for name, run in kinds.items())
        raise UserError(f"One file holds rows of one kind, but {told}.", hint="Export them one by one.")
    return runs[0].kind


def _index(shard: Shard) -> pa.Table:
    fields = ("group", "teacher", "models", *(["probability"] if shard.has("lineage.probability") else []))
    table = shard.read(columns=["id", *(f"lineage.{field}" for field in fields)])
    split = pa.array([shard.split] * len(table), pa.string())
    unknown = {"probability": pa.nulls(len(table), pa.float64())}
    return pa.table(unknown | {name: table[name] for name in ("id", *fields)} | {"split": split})


def _rows(shard: Shard) -> Iterator[dict[str, Any]]:
    """The rows of a shard, a few at a time."""
    file = pq.ParquetFile(shard.path, filesystem=shard.fs)
    for batch in file.iter_batches(batch_size=BATCH):
        yield from batch.to_pylist()
