"""The candidates of a run, accepted and rejected, as columns."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedbed.reports.html.run_folder import RunFolder

ACCEPTED = "accepted"


def candidates(run: RunFolder, columns: Sequence[str]) -> pa.Table:
    """All candidates with these columns and `accepted` (bool), accepted ones first. `lineage.group` becomes `group`.

    A column is null where it is not recorded: `step` and `reason` of accepted rows, or what an older Seedbed left out.
    """
    tables = [
        _named(table(["id", *columns]), columns).append_column(ACCEPTED, pa.repeat(accepted, table(["id"]).num_rows))
        for table, accepted in ((run.accepted, True), (run.rejected, False))
    ]
    return pa.concat_tables(tables, promote_options="permissive")


def unit(run: RunFolder) -> str:
    """What the groups of a run's sources are, by which intervals are made."""
    return "document" if run.report.get("counts", {}).get("documents") else "group"


def texts(table: pa.Table, column: str) -> list[str]:
    """The values of a column; null becomes empty."""
    return [value or "" for value in table[column].to_pylist()]


def numbers(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    """The values of a column; null becomes nan."""
    return np.asarray(table[column].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def flags(table: pa.Table, column: str = ACCEPTED) -> npt.NDArray[np.bool_]:
    """A column of truth values."""
    return np.asarray(table[column].to_numpy(zero_copy_only=False), dtype=np.bool_)


def counts(table: pa.Table, *columns: str) -> dict[tuple[str, ...], int]:
    """How many rows have each combination of values; null becomes empty."""
    counted = table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()
    return {tuple(row[column] or "" for column in columns): row["count_all"] for row in counted}


def _named(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Exactly these columns; those that are not recorded are null."""
    names = [column.split(".")[-1] for column in columns]
    return pa.table({name: table[name] if name in table.column_names else pa.nulls(table.num_rows) for name in names})
