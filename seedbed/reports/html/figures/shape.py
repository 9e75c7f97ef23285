"""How long the rows are, beside the rejected ones: words of the prompt and of the response."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from programs.core.row import Candidate
from programs.core.text import blank_words
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import GREEN, VERMILION, scale
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted
from seedbed.runs.rows import candidate_of
from seedbed.storage.run_reader import shards_of

SAMPLE = 1000  # rows of each fate, those with the smallest ids, which are digests
BINS = 20
ENOUGH = 10
LONGEST = 0.99  # quantile at which the axis ends: a single huge text hides the others
FATES = {"accepted": GREEN, "rejected": VERMILION}

Lengths = dict[tuple[str, str], list[int]]
"""Words by side (prompt, response) and fate."""


def shape(run: RunFolder) -> Figure | None:
    """The figure; None if there is no row with a text."""
    lengths = _lengths(run)
    if not lengths:
        return None
    table = _table(lengths, run.report.get("variety") or {})
    rows = max(map(len, lengths.values()))
    if rows < ENOUGH:
        return Figure(
            f"{counted(rows, 'row')} of a kind at most, too few for the shape of their lengths.",
            Table(table.headings, [*table.rows, ["most rows of a kind", f"{rows}", "", ""]]),
        )
    return Figure(_caption(lengths, run.report.get("variety") or {}), table, _chart(lengths))


def _lengths(run: RunFolder) -> Lengths:
    lengths: Lengths = {}
    for fate, kind in zip(FATES, ("rows", "rejected"), strict=True):
        for candidate in _sample(run, kind):
            for side, text in (("prompt", candidate.prompt), ("response", candidate.response)):
                if text.strip():
                    lengths.setdefault((side, fate), []).append(blank_words(text))
    return lengths


def _sample(run: RunFolder, kind: str) -> list[Candidate]:
    """Candidates without the placeholders of failed calls; none of a Seedbed that wrote no lineage."""
    shards = [shard for shard in shards_of(run.path, kind) if shard.has("lineage")]
    ids = heapq.nsmallest(SAMPLE, (id for shard in shards for id in shard.read(columns=["id"])["id"].to_pylist()))
    rows = [row for shard in shards for row in shard.rows(filters=[("id", "in", ids)])] if ids else []
    return [candidate_of(row, accepted=kind == "rows") for row in rows if row.get("candidate") != "{}"]


def _quantiles(words: Sequence[int]) -> list[str]:
    return [f"{quantile:g}" for quantile in np.round(np.quantile(words, (0.1, 0.5, 0.9)), 1)]


def _caption(lengths: Lengths, variety: dict[str, Any]) -> str:
    sides = [side for side in ("prompt", "response") if (side, "accepted") in lengths]
    told = []
    for side in sides:
        low, median, high = _quantiles(lengths[side, "accepted"])
        told.append(f"half of the {side}s have at most {median} words (10% to 90%: {low} to {high})")
    caption = "Of accepted rows, " + " and ".join(told) + "." if told else "No row was accepted."
    if variety:
        caption += (
            f" They are as varied as {variety['vendi']:.1f} wholly different rows of {variety['sampled']:,} (Vendi)."
        )
    return caption


def _table(lengths: Lengths, variety: dict[str, Any]) -> Table:
    lines = [[f"words of the {side}, {fate}", *_quantiles(words)] for (side, fate), words in lengths.items()]
    lines += [[f"{kind} questions", f"{share:.0%}", "", ""] for kind, share in variety.get("kinds", {}).items()]
    for n in (1, 2, 3):
        if (share := variety.get(f"distinct_{n}")) is not None:
            lines.append([f"distinct-{n}", f"{share:.2f}", "", ""])
    if variety:
        lines.append(["Vendi score", f"{variety['vendi']:.1f}", "of rows", f"{variety['sampled']:,}"])
        lines.append(["self-ROUGE-L", f"{variety['self_rouge_l']:.2f}", "", ""])
    return Table(["measure", "10%, or the value", "50%", "90%"], lines)


def _chart(lengths: Lengths) -> Any:
    import altair as alt

    panels = list[Any]()
    for side in ("prompt", "response"):
        by_fate = {fate: lengths[side, fate] for fate in FATES if (side, fate) in lengths}
        if not by_fate:
            continue
        edges = _edges([words for all_words in by_fate.values() for words in all_words])
        points = [point for fate, words in by_fate.items() for point in _steps(fate, words, edges)]
        base = alt.Chart(alt.Data(values=points)).encode(
            x=alt.X("words:Q", title=f"words of the {side}", scale=alt.Scale(nice=False, domain=[0, float(edges[-1])])),
            y=alt.Y("share:Q", title="share of rows" if not panels else None, axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color("fate:N", scale=scale(FATES), legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=3)),
        )
        area = base.mark_area(interpolate="step-after", opacity=0.3, aria=False).transform_filter(
            "datum.fate == 'accepted'"
        )
        line = base.mark_line(interpolate="step-after", strokeWidth=2, aria=False).encode(
            strokeDash=alt.StrokeDash("fate:N", scale=alt.Scale(domain=list(FATES), range=[[1, 0], [5, 3]]))
        )
        marks = base.mark_point(size=60, opacity=0, filled=True).encode(description="label:N")
        panels.append(alt.layer(area, line, marks).properties(width=230, height=160))
    return alt.hconcat(*panels).resolve_scale(color="shared").properties(description="Words of prompts and responses")


def _edges(words: Sequence[int]) -> Any:
    """Whole numbers, about BINS of them."""
    top = max(2, int(np.quantile(words, LONGEST)) + 1)
    step = max(1, -(-top // BINS))
    return np.arange(0, top + step, step)


def _steps(fate: str, words: Sequence[int], edges: Any) -> list[dict[str, Any]]:
    """The share of rows in each bin, and a last point at the end of the axis."""
    numbers, _ = np.histogram(np.minimum(words, edges[-1] - 1), bins=edges)
    shares = [float(number) / len(words) for number in numbers]
    points = [
        {
            "words": float(low),
            "share": share,
            "fate": fate,
            "label": f"{low:.0f} to {high - 1:.0f} words, {fate}: {share:.0%}",
        }
        for low, high, share in zip(edges, edges[1:], shares, strict=False)
    ]
    return [*points, {**points[-1], "words": float(edges[-1])}]
