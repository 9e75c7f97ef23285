"""Rows of a run for people to read: accepted ones at the deciles of probability, and two of each rejected reason."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from metrics.citation import Span
from seedbed.errors import UserError
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.section import Section
from seedbed.reports.html.sections.row_view import RowView, row_view
from seedbed.reports.html.wording import counted
from seedbed.storage.run_reader import Records

QUESTION = "What do the rows look like?"
ACCEPTED, A_REASON = 6, 2  # rows shown


def rows_section(run: RunFolder, name: str) -> Section:
    """The rows to read. `name`: the folder's, as commands name it."""
    accepted = _views(run, "rows", _deciles(_keys(run.accepted)))
    rejected = _views(run, "rejected", _near_misses(run))
    figure = Figure(
        _caption(accepted, rejected),
        Table(("id", "state", "probability", "score"), [*map(_line, [*accepted, *rejected])]),
    )
    content = {"accepted": accepted, "rejected": rejected, "folder": name}
    return Section("Rows", QUESTION, [figure], "rows.html", content)


def _caption(accepted: Sequence[RowView], rejected: Sequence[RowView]) -> str:
    if not (accepted or rejected):
        return "There is no row yet."
    shown, dropped = counted(len(accepted), "accepted row"), counted(len(rejected), "rejected candidate")
    return (
        f"{shown}, from the most to the least probable, each of another document if there are enough; and {dropped}: "
        f"the {A_REASON} of each reason that came nearest to being accepted."
    )


def _line(row: RowView) -> tuple[str, ...]:
    state = f"rejected: {row.drop.reason}" if row.drop else "accepted"
    return row.id, state, "none" if row.probability is None else f"{row.probability:.2f}", f"{row.score:.2f}"


def _keys(read: Any, *columns: str) -> list[tuple[Any, ...]]:
    """(probability, id, group, *columns) of every row, the most probable first; a row without one is least."""
    table: pa.Table = read(["id", "score", "lineage", *columns])
    if not table.num_rows:
        return []
    lineage = table["lineage"]
    recorded = lineage.type.get_field_index("probability") >= 0
    probability = pc.struct_field(lineage, "probability") if recorded else table["score"]
    values = [pc.fill_null(probability, -1.0), table["id"], pc.struct_field(lineage, "group")]
    lines = zip(*(column.to_pylist() for column in [*values, *(table[name] for name in columns)]), strict=True)
    return sorted(lines, key=lambda line: (-line[0], line[1]))


def _deciles(keys: Sequence[tuple[Any, ...]]) -> list[str]:
    """Ids from the most to the least probable at equal steps, each the nearest of a group that is not shown yet."""
    steps = [round(step * (len(keys) - 1) / (ACCEPTED - 1)) for step in range(ACCEPTED)] if keys else []
    chosen, groups = dict[str, None](), set[str]()
    for place in steps if len(keys) > ACCEPTED else range(len(keys)):
        near = sorted(range(len(keys)), key=lambda other: abs(other - place))
        unseen = (keys[other] for other in near if keys[other][2] not in groups)
        _, id, group = next(unseen, keys[place])
        chosen[id] = None
        groups.add(group)
    return [*chosen]


def _near_misses(run: RunFolder) -> list[str]:
    """Ids of rejected candidates, the commonest reason first: of each the most probable."""
    keys = _keys(run.rejected, "reason")
    counts, ids = Counter(key[3] for key in keys), dict[str, list[str]]()
    for _, id, _, reason in keys:
        if len(ids.setdefault(reason, [])) < A_REASON:
            ids[reason].append(id)
    return [id for reason, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) for id in ids[reason]]


def _views(run: RunFolder, kind: str, ids: Sequence[str]) -> list[RowView]:
    """The rows of these ids, in their order. `kind` is `rows` or `rejected`."""
    rows = {row["id"]: row for row in run.rows_of(kind, ids)}
    cites = _cites(run, [rows[id]["lineage"] for id in ids])
    return [row_view(rows[id], spans, accepted=kind == "rows") for id, spans in zip(ids, cites, strict=True)]


def _cites(run: RunFolder, lineages: Sequence[Mapping[str, Any]]) -> list[Sequence[Span]]:
    """For each row the spans of its passage that support it; none where the journal does not hold them, or cannot be
    read because a run is writing it."""
    try:
        with contextlib.closing(Records(run.journal)) as records:
            outcomes = [records.outcome(row["attempt"], run.report.get("setup"))[1] for row in lineages]
    except UserError:
        return [[] for _ in lineages]
    return [_cited(outcome, row["index"]) for outcome, row in zip(outcomes, lineages, strict=True)]


def _cited(outcome: Mapping[str, Any], index: int | None) -> Sequence[Span]:
    """The spans of one candidate of an attempt."""
    scored = outcome.get("scored", [])
    return scored[index].get("cites", []) if index is not None and index < len(scored) else []
