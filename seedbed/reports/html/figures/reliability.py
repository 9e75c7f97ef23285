"""Whether the metric's probabilities come true: of rows with a probability, the share that people accept."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metrics.calibration.intervals import Interval, share_interval
from metrics.calibration.predictions import IN_SAMPLE, Prediction
from metrics.calibration.report import Calibration
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE
from seedbed.reports.html.run_folder import MadeWith
from seedbed.reports.html.wording import counted, percent, percents

BINS = 10
ENOUGH = 20  # verdicts, below which the bins are empty or hold one row
UNSEEN = "Nothing could be held out, so these are rows that the metric was fitted to. "

Line = tuple[int, float, Interval, int]
"""A bin, the mean probability of its rows, the share of them that people accepted, and how many they are."""


def reliability(made: MadeWith) -> Figure | None:
    """The figure; None if the metric was not fitted to verdicts, or its predictions are not recorded."""
    rows = headline(made.predictions)
    figures = made.metric and made.metric.figures
    if not rows or not figures:
        return None
    lines = _lines(rows)
    if len(rows) < ENOUGH:
        return Figure(f"{counted(len(rows), 'verdict')} are too few for a curve.", _table(lines, figures, len(rows)))
    seen = UNSEEN if all(row.fold == IN_SAMPLE for row in rows) else ""
    return Figure(seen + _caption(figures, len(rows)), _table(lines, figures, len(rows)), _chart(lines))


def headline(predictions: Sequence[Prediction]) -> list[Prediction]:
    """The verdicts that the figures of a calibration are about: people's if a fold has both kinds of them, else all."""
    people = [row for row in predictions if row.kind == "person"]
    good, bad = ({row.fold for row in people if row.good is kind} for kind in (True, False))
    return people if good & bad else list(predictions)


def _lines(rows: Sequence[Prediction]) -> list[Line]:
    places = np.minimum((np.array([row.probability for row in rows]) * BINS).astype(int), BINS - 1)
    lines = list[Line]()
    for place in range(BINS):
        inside = [row for row, own in zip(rows, places, strict=True) if own == place]
        if inside:
            share = share_interval([float(row.good) for row in inside], [row.group for row in inside])
            lines.append((place, float(np.mean([row.probability for row in inside])), share, len(inside)))
    return lines


def _caption(figures: Calibration, n: int) -> str:
    error = Interval(figures.ece, figures.ece_low, figures.ece_high)
    return (
        f"On {counted(n, 'verdict')} the metric's probability is {percents(error)} off on average (expected "
        "calibration error). On the line, it would come true exactly."
    )


def _table(lines: Sequence[Line], figures: Calibration, n: int) -> Table:
    cells = [
        [f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}", percent(mean), percents(share), f"{number:,}"]
        for place, mean, share, number in lines
    ]
    error = percents(Interval(figures.ece, figures.ece_low, figures.ece_high))
    cells.append(["expected calibration error", error, "", f"{n:,}"])
    return Table(["probability", "its mean", "accepted by people", "verdicts"], cells)


def _chart(lines: Sequence[Line]) -> Any:
    import altair as alt

    points = [
        {
            "mean": mean,
            "share": share.mean,
            "low": share.low,
            "high": share.high,
            "n": number,
            "label": f"predicted {percent(mean)}: people accept {percents(share)} of {counted(number, 'row')}",
        }
        for _, mean, share, number in lines
    ]
    unit = alt.Scale(domain=[0, 1])
    line = alt.Chart(alt.Data(values=[{"at": 0}, {"at": 1}])).mark_line(
        strokeDash=[4, 4], color="currentColor", strokeWidth=1, opacity=0.6, aria=False
    )
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("mean:Q", scale=unit, title="probability by the metric", axis=alt.Axis(format="%", tickCount=5))
    )
    y = alt.Y("low:Q", scale=unit, title="accepted by people", axis=alt.Axis(format="%", tickCount=5))
    return alt.layer(
        line.encode(x="at:Q", y="at:Q"),
        base.mark_rule(color=BLUE, aria=False, strokeWidth=1.5).encode(y=y, y2="high:Q"),
        base.mark_point(color=BLUE, filled=True, opacity=1).encode(
            y="share:Q", size=alt.Size("n:Q", scale=alt.Scale(range=[40, 260]), legend=None), description="label:N"
        ),
    ).properties(description="Probability by the metric and share accepted by people", width=300, height=300)
