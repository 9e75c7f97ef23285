"""Where candidates are lost: what each gate leaves, and the reasons for which it rejects."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from seedbed.reports.html.candidates import candidates, counts, flags, texts, unit
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.losses import Loss, losses_of, merged, program_steps
from seedbed.reports.html.palette import BLUE, GREEN, VERMILION, stripes
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.shares import mean_by_group
from seedbed.reports.html.wording import percent, percents

_START, _END = "candidates", "accepted"


def funnel(run: RunFolder) -> Figure | None:
    """The figure; None if there is no candidate yet."""
    table = candidates(run, ["step", "reason", "lineage.teacher", "lineage.group"])
    if not table.num_rows:
        return None
    recorded = list(run.report.get("teachers", {}))
    teachers = [*recorded, *sorted(set(texts(table, "teacher")) - set(recorded))]
    teachers = [teacher for teacher in teachers if teacher in set(texts(table, "teacher"))]
    losses = losses_of(table, program_steps(run))
    return Figure(
        _caption(table, losses, unit(run)), _table(table, losses, teachers), _chart(merged(losses), teachers, table)
    )


def _caption(table: pa.Table, losses: Sequence[Loss], noun: str) -> str:
    total = table.num_rows
    share = mean_by_group(flags(table), texts(table, "group"))
    accepted = (
        f"{int(flags(table).sum()):,} of {total:,} were accepted: {percents(share)}, with the 95% interval by {noun}."
    )
    if not losses:
        return accepted
    worst = max(losses, key=lambda loss: loss.lost)
    lost = f"{worst.lost:,} of {total:,} candidates ({percent(worst.lost / total)}) were lost to one reason"
    return f"{lost}: {worst.reason}. {accepted}"


def _table(table: pa.Table, losses: Sequence[Loss], teachers: Sequence[str]) -> Table:
    total, accepted = table.num_rows, int(flags(table).sum())
    several = list(teachers) if len(teachers) > 1 else []
    made, kept = (counts(rows, "teacher") for rows in (table, table.filter(table["accepted"])))
    share = mean_by_group(flags(table), texts(table, "group"))
    lines, left = [[_START, "", f"{total:,}", "100%", *(f"{made.get((name,), 0):,}" for name in several), ""]], total
    for loss in losses:
        left -= loss.lost
        own = [f"{loss.by_teacher.get(name, 0):,}" for name in several]
        lines.append([loss.step, loss.reason, f"{loss.lost:,}", percent(loss.lost / total), *own, f"{left:,}"])
    own = [f"{kept.get((name,), 0):,}" for name in several]
    lines.append([_END, "", f"{accepted:,}", percents(share), *own, f"{left:,}"])
    return Table(["step", "reason", "candidates", "share of all", *several, "left after it"], lines)


def _chart(losses: Sequence[Loss], teachers: Sequence[str], table: pa.Table) -> Any:
    import altair as alt

    made = counts(table, "teacher")
    bars = [bar for teacher in teachers for bar in _bars(losses, teacher, made.get((teacher,), 0))]
    width = 400 // len(teachers)
    order = [_START, *(loss.label for loss in losses), _END]
    fills = {_START: BLUE, "rejected": stripes(VERMILION), _END: GREEN}
    base = alt.Chart(alt.Data(values=bars)).encode(
        y=alt.Y("line:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False)),
        x=alt.X(
            "start:Q",
            title="candidates",
            axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5 if len(teachers) == 1 else 3),
        ),
    )
    drawn = base.mark_bar(height={"band": 0.75}).encode(
        x2="end:Q",
        color=alt.Color("kind:N", scale=alt.Scale(domain=list(fills), range=list(fills.values())), legend=None),
        description="label:N",
    )
    named = base.mark_text(align="left", dx=5, aria=False).encode(x=alt.X("end:Q"), text="count:N")
    layers = alt.layer(drawn, named).properties(width=width, height={"step": 22})
    if len(teachers) > 1:
        layers = layers.facet(column=alt.Column("teacher:N", sort=list(teachers), title=None))
    return layers.properties(description="Candidates left after each gate")


def _bars(losses: Sequence[Loss], teacher: str, made: int) -> list[dict[str, Any]]:
    """A waterfall: each reason takes its candidates from the end of those left."""
    bars, left = [_bar(_START, _START, teacher, 0, made)], made
    for loss in losses:
        lost = loss.by_teacher.get(teacher, 0)
        bars.append(_bar(loss.label, "rejected", teacher, left - lost, left))
        left -= lost
    return [*bars, _bar(_END, _END, teacher, 0, left)]


def _bar(line: str, kind: str, teacher: str, start: int, end: int) -> dict[str, Any]:
    number = end - start
    label = f"{teacher}, {line}: {number:,}"
    return {
        "line": line,
        "kind": kind,
        "teacher": teacher,
        "start": start,
        "end": end,
        "count": f"{number:,}",
        "label": label,
    }
