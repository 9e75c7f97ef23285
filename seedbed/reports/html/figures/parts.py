"""What the parts of the score say about accepted and rejected candidates: a strip for each part."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from metrics.calibration.intervals import Floats
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.figures.scores import ENOUGH
from seedbed.reports.html.palette import GREEN, VERMILION
from seedbed.reports.html.run_folder import RunFolder

BINS = 20
FATES = {"accepted": GREEN, "rejected": VERMILION}

Parts = dict[str, dict[str, Floats]]
"""The scores by part and fate."""


def parts(run: RunFolder) -> Figure | None:
    """The figure; None if no candidate has a score of any part."""
    scored = _scores(run)
    if not scored:
        return None
    if max(sum(map(len, by_fate.values())) for by_fate in scored.values()) < ENOUGH:
        return Figure("Too few candidates were scored to compare the parts.", _table(scored))
    return Figure(_caption(scored), _table(scored), _chart(scored))


def _scores(run: RunFolder) -> Parts:
    scored: Parts = {}
    for fate, table in zip(FATES, (run.accepted(["scores"]), run.rejected(["scores"])), strict=True):
        if "scores" not in table.column_names:
            continue
        flat = pc.list_flatten(table["scores"])
        pairs = pa.table({name: pc.struct_field(flat, name) for name in ("part", "score")})
        for part in sorted(set(pairs["part"].to_pylist())):
            values = pairs.filter(pc.equal(pairs["part"], part))["score"].drop_null()
            scored.setdefault(part, {})[fate] = values.to_numpy(zero_copy_only=False).astype(float)
    return scored


def _gap(by_fate: dict[str, Floats]) -> float:
    """The mean of accepted ones less that of rejected ones; nan where a side is empty."""
    means = [by_fate[fate].mean() if len(by_fate.get(fate, ())) else np.nan for fate in FATES]
    return float(means[0] - means[1])


def _caption(scored: Parts) -> str:
    gaps = {part: gap for part, by_fate in scored.items() if not np.isnan(gap := _gap(by_fate))}
    if not gaps:
        return "All scored candidates had the same fate, so no part can be compared."
    best = max(gaps, key=lambda part: gaps[part])
    accepted, rejected = (f"{scored[best][fate].mean():.2f}" for fate in FATES)
    return (
        f"The part that differs most is {best}: {accepted} on average for accepted rows, {rejected} for rejected ones."
    )


def _table(scored: Parts) -> Table:
    lines = [
        [part, fate, f"{len(values):,}", f"{values.mean():.2f}", *(f"{q:.2f}" for q in np.quantile(values, (0.1, 0.9)))]
        for part, by_fate in sorted(scored.items(), key=lambda item: -np.nan_to_num(_gap(item[1]), nan=-1))
        for fate, values in by_fate.items()
        if len(values)
    ]
    return Table(["part", "fate", "candidates", "mean", "10%", "90%"], lines)


def _chart(scored: Parts) -> Any:
    import altair as alt

    order = sorted(scored, key=lambda part: -np.nan_to_num(_gap(scored[part]), nan=-1))
    cells = [
        {
            "part": part,
            "fate": fate,
            "start": place / BINS,
            "end": (place + 1) / BINS,
            "share": number / len(values),
            "label": f"{part} {place / BINS:.2f} to {(place + 1) / BINS:.2f}, {fate}: {number:,}",
        }
        for part, by_fate in scored.items()
        for fate, values in by_fate.items()
        for place, number in enumerate(np.histogram(values, bins=BINS, range=(0, 1))[0])
        if number
    ]
    return (
        alt.Chart(alt.Data(values=cells))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("start:Q", bin="binned", scale=alt.Scale(domain=[0, 1]), title="score of the part"),
            x2="end:Q",
            y=alt.Y("part:N", sort=order, title=None, scale=alt.Scale(paddingInner=0.15)),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(range=[0.15, 1]), legend=None),
            color=alt.Color("fate:N", scale=alt.Scale(domain=list(FATES), range=list(FATES.values())), legend=None),
            column=alt.Column("fate:N", sort=list(FATES), title=None),
            description="label:N",
        )
        .properties(description="Scores of each part", width=220, height={"step": 24})
    )
