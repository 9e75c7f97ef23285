"""Whether the threshold is sane: the probabilities of all candidates that were scored."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import FELL, KEPT, LOW, WIDTH

FEWEST, BINS = 10, 20
ACCEPTED, LOWER, OTHER_GATE = "accepted", "low score", "another gate"


def scores(folder: RunFolder) -> Figure | None:
    """The probability that a person accepts a candidate, by what became of it, and what other thresholds would keep;
    None if no probability was recorded."""
    states = _states(folder)
    threshold = folder.report.get("threshold")
    if states is None or threshold is None:
        return None
    total = sum(map(len, states.values()))
    gate = np.concatenate([states[ACCEPTED], states[LOWER]])
    table = Table(["threshold", "rows kept", "mean probability of these"], _what_if(gate, float(threshold)))
    if total < FEWEST:
        return Figure(f"Only {total} candidates were scored: too few for a distribution.", table)
    near = int((np.abs(gate - threshold) <= 0.05).sum())
    caption = (
        f"A row needs a probability of {threshold:.2f}; {len(states[ACCEPTED])} reached it and were accepted, "
        f"{len(states[LOWER])} did not, and {len(states[OTHER_GATE])} were scored and fell at another gate. "
        f"{near} lie within 0.05 of the threshold."
    )
    return Figure(caption, table, _chart(states, float(threshold)))


def _states(folder: RunFolder) -> dict[str, Any] | None:
    """The probabilities by what became of the candidates."""
    accepted, rejected = folder.accepted(["lineage"]), folder.rejected(["lineage", "step"])
    states = {name: np.zeros(0) for name in (ACCEPTED, LOWER, OTHER_GATE)}
    if len(accepted):
        known = _probability(accepted)
        if known is None:
            return None
        states[ACCEPTED] = known[~np.isnan(known)]
    if len(rejected) and (known := _probability(rejected)) is not None:
        low = pc.equal(rejected["step"], "threshold").to_numpy()
        states[LOWER], states[OTHER_GATE] = known[low & ~np.isnan(known)], known[~low & ~np.isnan(known)]
    return states if any(map(len, states.values())) else None


def _probability(table: Any) -> Any:
    lineage = table["lineage"]
    if "probability" not in {field.name for field in lineage.type}:
        return None
    return pc.struct_field(lineage, "probability").to_numpy(zero_copy_only=False).astype(float)


def _what_if(gate: Any, threshold: float) -> list[list[str]]:
    """What other thresholds would keep of the candidates that no other gate dropped."""
    rows = []
    for step in (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2):
        bar = min(max(threshold + step, 0.0), 1.0)
        kept = gate[gate >= bar]
        rows.append([f"{bar:.2f}", f"{len(kept)}", f"{kept.mean():.2f}" if len(kept) else "none"])
    return [row for place, row in enumerate(rows) if row not in rows[:place]]


def _chart(states: dict[str, Any], threshold: float) -> Any:
    import altair as alt

    bars = [
        {"from": place / BINS, "to": (place + 1) / BINS, "candidates": int(count), "state": state}
        for state, values in states.items()
        for place, count in enumerate(np.histogram(values, BINS, (0, 1))[0])
        if count
    ]
    histogram = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(stroke="currentColor", strokeOpacity=0.25)
        .encode(
            x=alt.X(
                "from:Q", bin="binned", title="probability that a person accepts it", scale=alt.Scale(domain=[0, 1])
            ),
            x2="to:Q",
            y=alt.Y("candidates:Q", title="candidates"),
            color=alt.Color("state:N", scale=alt.Scale(domain=[ACCEPTED, LOWER, OTHER_GATE], range=[KEPT, LOW, FELL])),
        )
    )
    bar = alt.Chart(alt.Data(values=[{"threshold": threshold}])).mark_rule(strokeWidth=2, strokeDash=[6, 4])
    return (histogram + bar.encode(x="threshold:Q")).properties(width=WIDTH - 70, height=230)
