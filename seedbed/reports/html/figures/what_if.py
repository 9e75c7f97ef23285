"""What another threshold would keep: rows, and the share of them that people would accept."""

from typing import Any

import numpy as np

from metrics.calibration.intervals import Floats
from seedbed.reports.html.candidates import candidates, numbers
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.figures.scores import ENOUGH, states_of
from seedbed.reports.html.palette import BLUE, GREEN, VETOED
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted

STEPS = (-0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2)  # from the run's threshold


def what_if(run: RunFolder) -> Figure | None:
    """The figure; None if the threshold or the probabilities are not recorded."""
    threshold = run.report.get("threshold")
    table = candidates(run, ["reason", "lineage.probability"])
    probability = numbers(table, "probability")[states_of(table) != VETOED]
    probability = probability[~np.isnan(probability)]
    if threshold is None or not len(probability):
        return None
    lines = _lines(probability, threshold)
    figure = Figure(_caption(lines, threshold), _table(lines))
    if len(probability) < ENOUGH:
        why = f"Only {counted(len(probability), 'candidate')} reached the threshold, too few for a curve."
        return Figure(why, figure.table)
    return Figure(figure.caption, figure.table, _chart(lines, threshold))


def _lines(probability: Floats, threshold: float) -> list[tuple[float, int, float | None]]:
    """Threshold, rows kept, and the mean of their probabilities; each threshold is in (0, 1)."""
    lines = list[tuple[float, int, float | None]]()
    for step in STEPS:
        if not 0 < threshold + step < 1:
            continue
        kept = probability[probability >= threshold + step]
        lines.append((threshold + step, len(kept), float(kept.mean()) if len(kept) else None))
    return lines


def _caption(lines: list[tuple[float, int, float | None]], threshold: float) -> str:
    now = next(line for line in lines if line[0] == threshold)
    spread = ". ".join(_told(line) for line in (now, *(lines[-1:] if lines[-1] != now else [])))
    return (
        f"{spread}. The precision is what the metric itself expects, and below {threshold:.2f} the rows are the most "
        "that it can be: later checks did not see them."
    )


def _told(line: tuple[float, int, float | None]) -> str:
    at, kept, precision = line
    expected = "" if precision is None else f", of which people should accept {precision:.0%}"
    return f"A threshold of {at:.2f} keeps {counted(kept, 'row')}{expected}"


def _table(lines: list[tuple[float, int, float | None]]) -> Table:
    cells = [[f"{at:.2f}", f"{kept:,}", "" if share is None else f"{share:.0%}"] for at, kept, share in lines]
    return Table(["threshold", "rows kept", "expected precision"], cells)


def _chart(lines: list[tuple[float, int, float | None]], threshold: float) -> Any:
    import altair as alt

    points = [
        {"at": at, "kept": kept, "share": share, "now": at == threshold, "label": _told((at, kept, share))}
        for at, kept, share in lines
    ]
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X(
            "at:Q", title="threshold", scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(format=".2f", tickCount=5)
        )
    )
    panels = []
    for field, title, form, colour in (
        ("kept:Q", "rows kept", ",d", BLUE),
        ("share:Q", "expected precision", "%", GREEN),
    ):
        y = alt.Y(field, title=title, axis=alt.Axis(format=form, tickCount=5), scale=alt.Scale(zero=field == "kept:Q"))
        line = base.mark_line(color=colour, aria=False).encode(y=y)
        dots = base.mark_point(color=colour, size=70, opacity=1).encode(
            y=y,
            fill=alt.condition("datum.now", alt.value(colour), alt.value("transparent")),
            description="label:N",
        )
        panels.append(alt.layer(line, dots).properties(width=215, height=150))
    return alt.hconcat(*panels).properties(description="Rows kept and expected precision by threshold")
