"""Whether a run dries up: the accepted share and the near duplicates along the positions of its sources."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from metrics.calibration.intervals import Flags, Floats, Interval
from seedbed.reports.html.candidates import candidates, flags, numbers, texts
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import GREEN, PURPLE
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.shares import change_by_group
from seedbed.reports.html.wording import counted, percent

ENOUGH = 40  # candidates, below which a window shows noise
WINDOWS = 20  # as wide as a twentieth of the candidates, but never narrower than
NARROWEST = 20
POINTS = 120
TENTHS = 10
DRAWS = 6  # marks of draws that have room
NEAR = "near duplicate"
SERIES = {"accepted": GREEN, "near duplicates": PURPLE}


def along(run: RunFolder) -> Figure | None:
    """The figure; None if the positions are not recorded, as by an older Seedbed."""
    columns = ["reason", "lineage.position", "lineage.draw", "lineage.group"]
    table = candidates(run, columns)
    if not table.num_rows or np.isnan(numbers(table, "position")).any():
        return None
    table = table.take(np.argsort(numbers(table, "position"), kind="stable"))
    accepted, near = flags(table), np.array([reason == NEAR for reason in texts(table, "reason")])
    change, quarter = _change(accepted, texts(table, "group")), max(1, len(accepted) // 4)
    ends = float(accepted[:quarter].mean()), float(accepted[-quarter:].mean())
    lines = _table(table, accepted, near, change, ends)
    if len(accepted) < ENOUGH:
        few = f"{counted(len(accepted), 'candidate')} are too few to see a trend: {ENOUGH} are needed."
        return Figure(few, Table(lines.headings, [*lines.rows, ["needed for a trend", f"{ENOUGH}", "", ""]]))
    return Figure(_caption(change, ends, float(near.mean())), lines, _chart(table, accepted, near))


def _change(accepted: Flags, groups: Sequence[str]) -> Interval:
    """Of the accepted share, from the first quarter to the last."""
    quarter, place = max(1, len(accepted) // 4), np.arange(len(accepted))
    return change_by_group(accepted, place < quarter, place >= len(accepted) - quarter, groups)


def _caption(change: Interval, ends: tuple[float, float], near: float) -> str:
    first, last = map(percent, ends)
    if change.low <= 0 <= change.high:
        trend = f"No measurable trend: {first} of the first quarter of the candidates were accepted, {last} of the last"
    else:
        verb = "fell" if change.mean < 0 else "rose"
        trend = f"The accepted share {verb} from {first} in the first quarter of the candidates to {last} in the last"
    return f"{trend} (change {_signed(change)}). {percent(near)} of all were near duplicates."


def _signed(change: Interval) -> str:
    return f"{change.mean:+.2f} [{change.low:+.2f}, {change.high:+.2f}]"


def _table(table: pa.Table, accepted: Flags, near: Flags, change: Interval, ends: tuple[float, float]) -> Table:
    position = numbers(table, "position")
    lines = []
    for part in np.array_split(np.arange(len(accepted)), min(TENTHS, len(accepted))):
        span = f"{position[part[0]]:.0f} to {position[part[-1]]:.0f}"
        lines.append([span, f"{len(part):,}", percent(accepted[part].mean()), percent(near[part].mean())])
    lines.append(["all", f"{len(accepted):,}", percent(accepted.mean()), percent(near.mean())])
    quarter = f"{max(1, len(accepted) // 4):,}"
    lines += [[f"{name} quarter", quarter, percent(end), ""] for name, end in zip(("first", "last"), ends, strict=True)]
    lines.append(["change from the first quarter to the last", "", _signed(change), ""])
    return Table(["position", "candidates", "accepted", "near duplicates"], lines)


def _chart(table: pa.Table, accepted: Flags, near: Flags) -> Any:
    import altair as alt

    position, draw = numbers(table, "position"), numbers(table, "draw")
    lines = alt.Chart(alt.Data(values=_moving(position, {"accepted": accepted, "near duplicates": near})))
    drawn = lines.mark_line(strokeWidth=2).encode(
        x=alt.X("position:Q", title="sources in the order of the run", axis=alt.Axis(format=",d")),
        y=alt.Y("share:Q", title="share of candidates", axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("name:N", scale=alt.Scale(domain=list(SERIES), range=list(SERIES.values()))),
        strokeDash=alt.StrokeDash("name:N", scale=alt.Scale(domain=list(SERIES), range=[[1, 0], [5, 3]])),
        description=alt.Description("name:N"),
    )
    starts = [
        {"at": float(position[draw == number].min()), "label": f"draw {number + 1:.0f}"}
        for number in np.unique(draw[~np.isnan(draw)])
        if number > 0
    ]
    starts = starts[:: -(-len(starts) // DRAWS)] if starts else []
    begin = alt.Chart(alt.Data(values=starts)).encode(x="at:Q")
    rules = begin.mark_rule(strokeDash=[2, 3]).encode(description="label:N")
    named = begin.mark_text(align="left", dx=4, y=8, aria=False).encode(text="label:N")
    return alt.layer(drawn, *((rules, named) if starts else ())).properties(
        description="Shares along the run", width=540, height=200
    )


def _moving(position: Floats, series: dict[str, Flags]) -> list[dict[str, Any]]:
    """The share of flags in a window around each of at most POINTS places."""
    n = len(position)
    width = min(n, max(NARROWEST, n // WINDOWS))
    firsts = np.unique(np.linspace(0, n - width, POINTS).astype(int))
    points = []
    for name, flagged in series.items():
        sums = np.concatenate([[0], np.cumsum(flagged)])
        for first in firsts:
            share = (sums[first + width] - sums[first]) / width
            points.append({"position": position[first + width // 2], "share": float(share), "name": name})
    return points
