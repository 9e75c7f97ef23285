"""Reads the accepted rows of a finished run, so that one run can start from the rows of another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs.core.recipe import recipes
from seedbed.errors import UserError
from seedbed.sources.finding import JOURNAL
from seedbed.sources.run_verdicts import RunVerdicts
from seedbed.sources.tables import Row, checked_rows

_HINT = "Name a table, hf://owner/name, or the folder of a finished run (seedbed run --out DIR) under sources.rows."


class RunRows:
    """The accepted rows of the run in a folder.

    Rows that a person's verdict calls bad are left out; `base` is the project's folder, where verdicts may lie.

    Raises UserError if the folder holds no finished run with rows.
    """

    def __init__(self, folder: Path, base: Path) -> None:
        from seedbed.storage.run_reader import shards_of

        report = finished_report(folder, _HINT)
        self._recipe = recipes().get(report["recipe"])
        self._shards = shards_of(folder, "rows")
        if not self._shards:
            raise UserError(f"The run in {folder} accepted no row.", hint="Name the folder of another run.")
        self._verdicts = RunVerdicts(folder, report, base)

    def __iter__(self) -> Iterator[Row]:
        """The rows with all their columns. Raises Unreadable, with the reason in words."""
        return checked_rows(row for shard in self._shards for row in shard.rows())

    def is_refused(self, row: Row) -> bool:
        """Whether a person's verdict on the row is no."""
        if not self._verdicts or self._recipe is None:
            return False
        candidate = self._recipe.program.row.model_validate(row)  # which ignores the other columns
        return self._verdicts.of(candidate) is False


def origin_of(row: Row) -> dict[str, Any]:
    """Where a row of a run comes from: the row, and its passages if it is on any."""
    spans = row["lineage"]["spans"]
    return {**({"spans": spans} if spans else {}), "row": row["id"], "parents": [row["id"]]}


def finished_report(folder: Path, hint: str) -> dict[str, Any]:
    """run.json of a finished run. Raises UserError if there is none, or if it is damaged; `hint` says what to name."""
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
        raise UserError(f"{folder} holds no finished run.", hint=hint)
    return report
