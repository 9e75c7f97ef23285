"""Whether the run is drying up: the share of accepted candidates along the feed."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import KEPT, MUTED, OTHER, WIDTH

FEWEST, PARTS = 20, 10  # candidates from which a course is drawn, and the parts of it in the table


def along(folder: RunFolder) -> Figure | None:
    """The accepted share and the share of near duplicates, part by part of the feed; None if no position is known."""
    columns = _columns(folder)
    if columns is None:
        return None
    position, draw, accepted, duplicate = columns
    n = len(position)
    parts = [part for part in np.array_split(np.arange(n), min(PARTS, n)) if len(part)]
    rows = [
        {
            "from": int(position[part[0]]),
            "middle": float(position[part].mean()),
            "accepted": float(accepted[part].mean()),
            "near duplicates": float(duplicate[part].mean()),
            "n": len(part),
        }
        for part in parts
    ]
    table = Table(
        ["from position", "candidates", "accepted", "near duplicates"],
        [[f"{row['from']}", f"{row['n']}", f"{row['accepted']:.0%}", f"{row['near duplicates']:.0%}"] for row in rows],
    )
    if n < FEWEST:
        return Figure(f"Only {n} candidates: too few to say whether the run is drying up.", table)
    starts = [int(position[draw == number].min()) for number in sorted(set(draw.tolist())) if number]
    return Figure(_caption(rows), table, _chart(rows, starts))


def _columns(folder: RunFolder) -> Any:
    """Position, draw, accepted and near duplicate of each candidate, by position."""
    parts = []
    for kind, table in (("rows", folder.accepted(["lineage"])), ("rejected", folder.rejected(["lineage", "reason"]))):
        if not len(table):
            continue
        lineage = table["lineage"]
        if "position" not in {field.name for field in lineage.type}:
            return None
        position, draw = (pc.struct_field(lineage, name).fill_null(0).to_numpy() for name in ("position", "draw"))
        near = pc.equal(table["reason"], "near duplicate").to_numpy() if kind == "rejected" else np.zeros(len(table))
        parts.append((position, draw, np.full(len(table), kind == "rows"), near))
    if not parts:
        return None
    joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return [column[order] for column in joined]


def _caption(rows: list[dict[str, Any]]) -> str:
    first, last = rows[0]["accepted"], rows[-1]["accepted"]
    change = "falls" if last < 0.75 * first else "rises" if last > 1.25 * first else "stays much the same"
    return (
        f"The accepted share {change} along the run: {first:.0%} of the first {rows[0]['n']} candidates, {last:.0%} of "
        f"the last {rows[-1]['n']}."
    )


def _chart(rows: list[dict[str, Any]], starts: list[int]) -> Any:
    import altair as alt

    lines = [
        {"position": row["middle"], "share": row[name], "of": name}
        for row in rows
        for name in ("accepted", "near duplicates")
    ]
    scale = alt.Scale(domain=["accepted", "near duplicates"], range=[KEPT, OTHER])
    drawn = (
        alt.Chart(alt.Data(values=lines))
        .mark_line(point=alt.OverlayMarkDef(size=45), strokeWidth=2)
        .encode(
            x=alt.X("position:Q", title="position in the feed"),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("of:N", scale=scale),
            strokeDash=alt.StrokeDash(
                "of:N", scale=alt.Scale(domain=["accepted", "near duplicates"], range=[[1, 0], [5, 4]])
            ),
        )
        .properties(width=WIDTH - 70, height=220)
    )
    if not starts:
        return drawn
    marks = alt.Chart(alt.Data(values=[{"position": start} for start in starts]))
    return drawn + marks.mark_rule(strokeDash=[2, 3], color=MUTED).encode(x="position:Q")
