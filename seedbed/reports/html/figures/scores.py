"""How the metric spreads over accepted and rejected candidates, and where the threshold lies among them."""

from typing import Any

import numpy as np
import pyarrow as pa

from metrics.calibration.intervals import Floats
from seedbed.reports.html.candidates import candidates, flags, numbers, texts
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import ACCEPTED, LOW_SCORE, STATES, VETOED, scale
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted, is_are

BINS = 20
ENOUGH = 10  # scored candidates, from which a histogram shows a shape

_NEAR, _ABOVE = "less than 0.05 above the threshold", "above the threshold"


def scores(run: RunFolder) -> Figure | None:
    """The figure; None if no probabilities are recorded, as by an older Seedbed."""
    table = candidates(run, ["reason", "lineage.probability"])
    probability = numbers(table, "probability")
    scored = ~np.isnan(probability)
    if not scored.any():
        return None
    states, threshold = states_of(table), run.report.get("threshold")
    probability, states, unscored = probability[scored], states[scored], int((~scored).sum())
    counted_in = {state: _histogram(probability[states == state]) for state in STATES}
    above = dict[str, dict[str, int]]()
    if threshold is not None:
        ranges = {_NEAR: (threshold, threshold + 1 / BINS), _ABOVE: (threshold, np.inf)}
        above = {name: _between(probability, states, *ends) for name, ends in ranges.items()}
    caption, lines = _caption(above, int((states == ACCEPTED).sum()), threshold), _table(counted_in, above, unscored)
    if len(states) < ENOUGH:
        few = f"Only {counted(len(states), 'candidate')} reached the metric, too few for a histogram."
        return Figure(few, lines)
    return Figure(caption, lines, _chart(counted_in, threshold))


def states_of(table: pa.Table) -> Any:
    """The state of each candidate, an array of the names in STATES; `table` has `reason` and `accepted`."""
    low = np.array([reason == LOW_SCORE for reason in texts(table, "reason")], dtype=bool)
    return np.where(flags(table), ACCEPTED, np.where(low, LOW_SCORE, VETOED))


def _histogram(values: Floats) -> list[int]:
    return [int(number) for number in np.histogram(values, bins=BINS, range=(0, 1))[0]]


def _between(probability: Floats, states: Any, low: float, high: float) -> dict[str, int]:
    within = (probability >= low) & (probability < high)
    return {state: int((within & (states == state)).sum()) for state in STATES}


def _caption(above: dict[str, dict[str, int]], accepted: int, threshold: float | None) -> str:
    if threshold is None:
        return f"{counted(accepted, 'row')} {is_are(accepted)} accepted so far; the threshold is not recorded yet."
    near, vetoed = above[_NEAR][ACCEPTED], above[_ABOVE][VETOED]
    close = f"{near:,} of {accepted:,} accepted rows lie less than 0.05 above the threshold of {threshold:.2f}"
    return (
        f"{close}. {counted(vetoed, 'candidate')} above it {'was' if vetoed == 1 else 'were'} dropped by another check."
    )


def _table(counted_in: dict[str, list[int]], above: dict[str, dict[str, int]], unscored: int) -> Table:
    lines = [
        [f"{place / BINS:.2f} to {(place + 1) / BINS:.2f}", *(f"{counted_in[state][place]:,}" for state in STATES)]
        for place in range(BINS)
    ]
    lines += [[name, *(f"{numbers_in[state]:,}" for state in STATES)] for name, numbers_in in above.items()]
    lines.append(["all", *(f"{sum(counted_in[state]):,}" for state in STATES)])
    lines.append(["all states", f"{sum(map(sum, counted_in.values())):,}", "", ""])
    lines.append(["dropped before it was scored", "", "", f"{unscored:,}"])
    return Table(["probability that a person accepts", *STATES], lines)


def _chart(counted_in: dict[str, list[int]], threshold: float | None) -> Any:
    import altair as alt

    bars = [
        {
            "start": place / BINS,
            "end": (place + 1) / BINS,
            "number": number,
            "state": state,
            "place": order,
            "label": f"{place / BINS:.2f} to {(place + 1) / BINS:.2f}, {state}: {number:,}",
        }
        for order, state in enumerate(STATES)
        for place, number in enumerate(counted_in[state])
        if number
    ]
    histogram = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("start:Q", bin="binned", scale=alt.Scale(domain=[0, 1]), title="probability that a person accepts"),
            x2="end:Q",
            y=alt.Y("number:Q", stack="zero", title="candidates", axis=alt.Axis(format=",d", tickMinStep=1)),
            color=alt.Color("state:N", scale=scale(STATES)),
            order="place:Q",
            description="label:N",
        )
    )
    size: dict[str, Any] = {"description": "Candidates by probability", "width": 540, "height": 200}
    if threshold is None:
        return histogram.properties(**size)
    mark = alt.Chart(alt.Data(values=[{"at": threshold, "label": f"threshold {threshold:.2f}"}])).encode(x="at:Q")
    line = mark.mark_rule(strokeWidth=2, strokeDash=[6, 3]).encode(description="label:N")
    named = mark.mark_text(align="right", dx=-6, y=8, aria=False).encode(text="label:N")
    return alt.layer(histogram, line, named).properties(**size)
