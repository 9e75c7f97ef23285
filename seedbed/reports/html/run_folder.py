"""Reads what the report shows of a run: its folder, and what people said of its rows, which may lie beside it."""

import dataclasses
import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from metrics.calibration.frozen import Frozen, load_frozen
from metrics.calibration.predictions import Prediction, predictions_path, read_predictions
from optimize.artefact import Manifest, manifest_path, metric_path, uncompiled_path
from seedbed.runs.record.coverage import SOURCES
from seedbed.runs.record.made_with import MADE_WITH
from seedbed.runs.record.vector_map import MAP
from seedbed.runs.rows import candidate_of
from seedbed.sources.finding import JOURNAL
from seedbed.sources.run_verdicts import RunVerdicts
from seedbed.storage.run_reader import Shard, read_report, shards_of


@dataclasses.dataclass(frozen=True)
class MadeWith:
    """The program of one teacher, with its metric. `path` is that of the compiled program, whose companions lie beside
    it; an uncompiled run has only the uncompiled program and the metric."""

    path: Path

    @property
    def teacher(self) -> str:
        """The alias of the teacher."""
        return self.path.stem

    @functools.cached_property
    def manifest(self) -> Manifest | None:
        """The record of the compile; None if nothing was compiled, or another version of Seedbed wrote it."""
        try:
            return Manifest.model_validate_json(manifest_path(self.path).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    @property
    def compiled_for(self) -> str:
        """The alias whose figures the record holds: the teacher's own, unless it runs another's program."""
        return self.manifest.teacher if self.manifest else self.teacher

    @functools.cached_property
    def metric(self) -> Frozen | None:
        """The metric; None if another version of Seedbed wrote it."""
        try:
            return load_frozen(metric_path(self.path))
        except (FileNotFoundError, ValidationError):
            return None

    @functools.cached_property
    def compiled(self) -> dict[str, Any] | None:
        """The state of the compiled program; None in an uncompiled run."""
        return _json(self.path)

    @functools.cached_property
    def uncompiled(self) -> dict[str, Any] | None:
        """The state of the program as written."""
        return _json(uncompiled_path(self.path))

    @functools.cached_property
    def predictions(self) -> list[Prediction]:
        """What the metric predicted of each verdict that it was fitted to; empty if nothing was calibrated."""
        path = predictions_path(self.path)
        return read_predictions(path.read_text(encoding="utf-8")) if path.is_file() else []


@dataclasses.dataclass(frozen=True)
class ReadRow:
    """A row that people read. `reason`: for which it was rejected; None if it was accepted."""

    reason: str | None
    group: str
    is_good: bool


class RunFolder:
    """The folder of a run, finished or not."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def journal(self) -> Path:
        """The journal of its calls and outcomes, which may not be there."""
        return self.path / JOURNAL

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        """run.json; empty while the first run into the folder is in progress, or was killed."""
        return read_report(self.path)

    @functools.cached_property
    def verdicts(self) -> RunVerdicts:
        """What people said of its rows. Raises UserError if a file of verdicts is broken."""
        return RunVerdicts(self.path, self.report)

    @functools.cached_property
    def read_rows(self) -> list[ReadRow]:
        """The rows and rejected candidates that people read."""
        return list(self._read_rows()) if len(self.verdicts) else []

    def _read_rows(self) -> Iterator[ReadRow]:
        for kind in ("rows", "rejected"):
            for shard in shards_of(self.path, kind):
                for row in shard.rows():
                    is_good = self.verdicts.of(candidate_of(row, accepted=kind == "rows"))
                    if is_good is not None:
                        yield ReadRow(row.get("reason"), row["lineage"]["group"], is_good)

    def accepted(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The accepted rows with these columns (all if None), train first. `lineage.group` gives a field of a struct as
        the column `group`. A column that a shard lacks is null there, and left out if all shards lack it."""
        return self._table("rows", columns)

    def rejected(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rejected candidates, likewise."""
        return self._table("rejected", columns)

    def rows_of(self, kind: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of these ids with all columns, in no order. `kind` is `rows` or `rejected`."""
        shards: list[Shard] = shards_of(self.path, kind) if ids else []
        return [row for shard in shards for row in shard.rows(filters=[("id", "in", list(ids))])]

    @functools.cached_property
    def sources(self) -> pa.Table | None:
        """The sources: id, group, document, start, end, tokens, tried, candidates, accepted. None if not recorded."""
        return _parquet(self.path / SOURCES)

    @functools.cached_property
    def map(self) -> pa.Table | None:
        """Sampled texts with their vectors: id, state (accepted, rejected, seed), group, text, vector. None if not
        recorded."""
        return _parquet(self.path / MAP)

    @functools.cached_property
    def made_with(self) -> list[MadeWith]:
        """The programs of the run, one for each teacher of the cascade, in its order; empty for an older run."""
        folder = self.path / MADE_WITH
        written = [path.name.removesuffix(".uncompiled.json") for path in sorted(folder.glob("*.uncompiled.json"))]
        order = [teacher for teacher in self.report.get("teachers", {}) if teacher in written]
        return [MadeWith(folder / f"{teacher}.json") for teacher in order or written]

    def _table(self, kind: str, columns: Sequence[str] | None) -> pa.Table:
        shards: list[Shard] = shards_of(self.path, kind)
        tables = [shard.read(columns=columns and [*filter(shard.has, columns)]) for shard in shards]
        return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def _json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _parquet(path: Path) -> pa.Table | None:
    return pq.read_table(path) if path.is_file() else None
