"""Reads the accepted rows of a finished run, so that one run can start from the rows of another."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from metrics.calibration.verdicts import LabelledCase, verdict_id, verdict_line
from programs.core.recipe import recipes
from seedbed.errors import UserError
from seedbed.sources.finding import JOURNAL
from seedbed.sources.lines import labelled_files, labelled_lines
from seedbed.sources.tables import Row, checked_rows

VERDICTS = "verdicts.jsonl"  # where `seedbed label` writes if the config names no file
_HINT = "Name a table, hf://owner/name, or the folder of a finished run (seedbed run --out DIR) under sources.rows."


class RunRows:
    """The accepted rows of the run in a folder.

    Rows that a person's verdict calls bad are left out. Verdicts are those that `seedbed label` wrote: in the run's
    folder, in the folder around it, or in `base`, the project's.

    Raises UserError if the folder holds no finished run with rows.
    """

    def __init__(self, folder: Path, base: Path) -> None:
        from seedbed.storage.run_reader import shards_of

        report = _report(folder)
        self._recipe = recipes().get(report["recipe"])
        self._shards = shards_of(folder, "rows")
        if not self._shards:
            raise UserError(f"The run in {folder} accepted no row.", hint="Name the folder of another run.")
        names = report["config"].get("verdicts") or [VERDICTS]
        names = [names] if isinstance(names, str) else names  # an older version wrote one name
        places = (folder, folder.parent, base)
        self._refused = _refused({path.resolve() for place in places for path in labelled_files(place, names)})

    def __iter__(self) -> Iterator[Row]:
        """The rows with all their columns. Raises Unreadable, with the reason in words."""
        return checked_rows(row for shard in self._shards for row in shard.rows())

    def is_refused(self, row: Row) -> bool:
        """Whether a person's verdict on the row is no."""
        if not self._refused or self._recipe is None:
            return False
        candidate = self._recipe.program.row.model_validate(row)  # which ignores the other columns
        return verdict_id(candidate) in self._refused


def origin_of(row: Row) -> dict[str, Any]:
    """Where a row of a run comes from: the row, and its passages if it is on any."""
    spans = row["lineage"]["spans"]
    return {**({"spans": spans} if spans else {}), "row": row["id"], "parents": [row["id"]]}


def _report(folder: Path) -> dict[str, Any]:
    from seedbed.storage.run_reader import read_report

    try:
        report = read_report(folder)
    except ValueError as error:
        raise UserError(
            f"run.json of {folder} is damaged.", hint="Run its command again to write a new one."
        ) from error
    if not report and (folder / JOURNAL).is_file():
        raise UserError(f"The run in {folder} has not finished.", hint="Wait for it, or run its command again.")
    if not isinstance(report, dict) or not {"recipe", "config"} <= report.keys():
        raise UserError(f"{folder} holds no run.", hint=_HINT)
    return report


def _refused(files: set[Path]) -> frozenset[str]:
    """The ids of the rows that people called bad."""
    lines = [line for file in sorted(files) if file.is_file() for line in _verdicts(file)]
    return frozenset(line.id for line in lines if isinstance(line, LabelledCase) and line.label == 0)


def _verdicts(file: Path) -> Sequence[Any]:
    return labelled_lines(file, verdict_line, missing="Mend its permissions.")
