"""Whether compiling helped, and where: the difference on each held-out document."""

from typing import Any

import numpy as np

from optimize.artefact import Manifest
from optimize.comparison import Comparison, Pair
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.svg import KEPT, MUTED, PLAIN, WIDTH, short

MOST = 40  # documents in the picture; the table has all


def gain(manifest: Manifest) -> Figure | None:
    """The metric of the compiled program less that of the one as written, by document, with the mean and its interval;
    None if nothing was compared, or an older version kept no pairs."""
    comparison = manifest.comparison
    if comparison is None or not comparison.pairs:
        return None
    documents = _documents(comparison.pairs)
    table = Table(
        ["document", "sources", "metric before", "metric after", "difference", "accepted before", "accepted after"],
        [_line(name, pairs) for name, pairs in documents.items()],
    )
    return Figure(_caption(comparison), table, _chart(documents, comparison))


def _documents(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """The pairs by document, the greatest difference first."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.group, []).append(pair)
    return dict(sorted(groups.items(), key=lambda item: (-_difference(item[1]), item[0])))


def _difference(pairs: list[Pair]) -> float:
    return float(np.mean([pair.metric_after - pair.metric_before for pair in pairs]))


def _line(name: str, pairs: list[Pair]) -> list[str]:
    def mean(field: str) -> str:
        return f"{np.mean([getattr(pair, field) for pair in pairs]):.2f}"

    means = [mean("metric_before"), mean("metric_after"), f"{_difference(pairs):+.2f}"]
    return [name, f"{len(pairs)}", *means, mean("accepted_before"), mean("accepted_after")]


def _caption(comparison: Comparison) -> str:
    before, after, difference = comparison.before, comparison.after, comparison.difference
    return (
        f"Compiled against as written, on {difference.documents} held-out documents: {difference.mean:+.2f} "
        f"[{difference.low:.2f}, {difference.high:.2f}] of the metric, {difference.verdict}. Accepted were "
        f"{before.acceptance.mean:.0%} of the candidates before and {after.acceptance.mean:.0%} after."
    )


def _chart(documents: dict[str, list[Pair]], comparison: Comparison) -> Any:
    import altair as alt

    rows = [
        {
            "document": short(name),
            "difference": _difference(pairs),
            "from": min(pair.metric_after - pair.metric_before for pair in pairs),
            "to": max(pair.metric_after - pair.metric_before for pair in pairs),
        }
        for name, pairs in list(documents.items())[:MOST]
    ]
    mean = comparison.difference
    rows.append({"document": "all: mean, 95%", "difference": mean.mean, "from": mean.low, "to": mean.high})
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("document:N", sort=None, title=None))
    scale, is_mean = alt.Scale(domain=[-1, 1]), "datum.document == 'all: mean, 95%'"
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(strokeDash=[4, 4], color=MUTED).encode(x="zero:Q")
    spread = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=alt.X("from:Q", scale=scale, title="difference of the metric; lines span a document's sources"), x2="to:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="difference:Q",
        color=alt.condition(is_mean, alt.value(KEPT), alt.value(PLAIN)),
        shape=alt.condition(is_mean, alt.value("diamond"), alt.value("circle")),
    )
    return (zero + spread + points).properties(width=WIDTH - 300, height=20 * len(rows))
