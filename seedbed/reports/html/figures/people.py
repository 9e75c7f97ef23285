"""What people said of the rows: the share of good ones among those that were accepted, and among those of each reason.

`seedbed label` asks first about rows on which the scorers disagree, so a share is that of the rows that were read, and
no estimate for all.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from metrics.calibration.intervals import Interval
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import ACCEPTED, GREEN, VERMILION
from seedbed.reports.html.run_folder import ReadRow, RunFolder
from seedbed.reports.html.shares import mean_by_group
from seedbed.reports.html.wording import counted, percents

REJECTED = "all rejected"


@dataclasses.dataclass(frozen=True)
class Line:
    """The rows of one fate that people read."""

    fate: str
    rows: int
    good: int
    share: Interval


def people(run: RunFolder) -> Figure | None:
    """The figure; None if nobody read a row."""
    lines = audit(run)
    return Figure(_caption(lines), _table(lines), _chart(lines)) if lines else None


def audit(run: RunFolder) -> list[Line]:
    """What people found, accepted rows first, then rejected ones, together and by reason, the most read first."""
    read = run.read_rows
    counts = Counter(row.reason for row in read if row.reason)
    reasons = sorted(counts, key=lambda reason: (-counts[reason], reason))
    parts: list[tuple[str, Sequence[str | None]]] = [
        (ACCEPTED, [None]),
        (REJECTED, reasons),
        *((reason, [reason]) for reason in reasons),
    ]
    if len(reasons) == 1:
        parts.pop(1)
    return [line for name, of in parts if (line := _line(name, [row for row in read if row.reason in of]))]


def _line(name: str, rows: Sequence[ReadRow]) -> Line | None:
    if not rows:
        return None
    good = np.array([row.is_good for row in rows])
    return Line(name, len(rows), int(good.sum()), mean_by_group(good, [row.group for row in rows]))


def _caption(lines: Sequence[Line]) -> str:
    by_fate = {line.fate: line for line in lines}
    accepted = by_fate.get(ACCEPTED)
    rejected = by_fate.get(REJECTED) or next((line for line in lines if line.fate != ACCEPTED), None)
    findings = []
    if accepted:
        share = f"{accepted.good:,} of {counted(accepted.rows, 'accepted row')} that they read"
        findings.append(f"People called {share} good: {percents(accepted.share)}.")
    if rejected:
        lost = f"{rejected.good:,} of {counted(rejected.rows, 'rejected candidate')} that they read"
        findings.append(f"They called {lost} good.")
    doubted = "They were asked first about rows on which the scorers disagree, so this is no share of all rows."
    return " ".join([*findings, doubted])


def _table(lines: Sequence[Line]) -> Table:
    cells = [[line.fate, f"{line.rows:,}", f"{line.good:,}", percents(line.share)] for line in lines]
    return Table(["fate", "read by people", "called good", "share with its 95% interval by group"], cells)


def _chart(lines: Sequence[Line]) -> Any:
    import altair as alt

    points = [
        {
            "fate": line.fate,
            "kind": ACCEPTED if line.fate == ACCEPTED else "rejected",
            "share": line.share.mean,
            "low": line.share.low,
            "high": line.share.high,
            "label": f"{line.fate}: {line.good:,} of {line.rows:,} good, {percents(line.share)}",
        }
        for line in lines
    ]
    kinds = alt.Scale(domain=[ACCEPTED, "rejected"], range=[GREEN, VERMILION])
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("fate:N", sort=[line.fate for line in lines], title=None),
        color=alt.Color("kind:N", scale=kinds, legend=None),
        description="label:N",
    )
    ends = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"), title="called good by people"),
        x2="high:Q",
    )
    shapes = alt.Scale(domain=[ACCEPTED, "rejected"], range=["circle", "diamond"])
    dots = base.mark_point(size=90, filled=True, opacity=1).encode(
        x="share:Q", shape=alt.Shape("kind:N", scale=shapes, legend=None)
    )
    return (ends + dots).properties(description="Share of rows that people called good", height={"step": 26}, width=420)
