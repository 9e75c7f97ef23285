"""Whether compiling helped, and where: the change of the score by document, and its mean."""

import dataclasses
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from metrics.calibration.intervals import grouped_interval
from optimize.comparison import Comparison, Pair
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE, TAIL, VERMILION
from seedbed.reports.html.run_folder import MadeWith
from seedbed.reports.html.wording import counted, percent

DRAWN = 40  # documents: of more, those that changed most
MEAN = "mean of all"


@dataclasses.dataclass(frozen=True)
class Change:
    """Of the score on one document, with the ends of its interval where there are several sources."""

    document: str
    sources: int
    before: float
    after: float
    change: float
    low: float | None = None
    high: float | None = None

    @property
    def told(self) -> str:
        interval = "" if self.low is None else f" [{self.low:+.2f}, {self.high:+.2f}]"
        return f"{self.change:+.2f}{interval}"


def before_after(made: MadeWith) -> Figure | None:
    """The figure; None if nothing was compiled or compared."""
    comparison = made.manifest and made.manifest.comparison
    if not made.manifest or not comparison:
        return None
    changes = _changes(comparison.pairs)
    caption = _caption(comparison, made.manifest.ships)
    if not changes:
        return Figure(f"{caption} The documents are not recorded, so none is drawn.", _table(changes, comparison))
    return Figure(caption, _table(changes, comparison), _chart(changes, comparison))


def _changes(pairs: Sequence[Pair]) -> list[Change]:
    """By document, the greatest gain first."""
    by_document = dict[str, list[Pair]]()
    for pair in pairs:
        by_document.setdefault(pair.group, []).append(pair)
    changes = [_change(document, own) for document, own in by_document.items()]
    return sorted(changes, key=lambda change: (-change.change, change.document))


def _change(document: str, pairs: Sequence[Pair]) -> Change:
    before, after = (fmean(values) for values in zip(*((p.metric_before, p.metric_after) for p in pairs), strict=True))
    if len(pairs) == 1:
        return Change(document, 1, before, after, after - before)
    differences = [pair.metric_after - pair.metric_before for pair in pairs]
    interval = grouped_interval(differences, [pair.source for pair in pairs])
    return Change(document, len(pairs), before, after, interval.mean, interval.low, interval.high)


def _caption(comparison: Comparison, ships: str) -> str:
    gain = comparison.difference
    change = f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"
    verdict = f"{counted(gain.documents, f'held-out {gain.unit}')}: {gain.verdict}"
    before, after = (f"{side.metric.mean:.2f}" for side in (comparison.before, comparison.after))
    scores = f"The mean score was {before} uncompiled and {after} compiled"
    return f"{scores}, {change} over {verdict}. The {ships} program is in use."


def _table(changes: Sequence[Change], comparison: Comparison) -> Table:
    gain, before, after = comparison.difference, comparison.before, comparison.after
    mean = Change(MEAN, before.n, before.metric.mean, after.metric.mean, gain.mean, gain.low, gain.high)
    accepted = [percent(side.acceptance.mean) for side in (before, after)]
    lines = [
        [change.document, f"{change.sources:,}", f"{change.before:.2f}", f"{change.after:.2f}", change.told]
        for change in (mean, *changes)
    ]
    counts = [f"held-out {gain.unit}s", f"{gain.documents:,}", "", "", gain.verdict]
    lines[1:1] = [counts, ["accepted share", f"{before.n:,}", *accepted, ""]]
    return Table(["document", "sources", "before", "after", "change of the score"], lines)


def _chart(changes: Sequence[Change], comparison: Comparison) -> Any:
    import altair as alt

    drawn = [*changes[: DRAWN // 2], *changes[-(DRAWN // 2) :]] if len(changes) > DRAWN else list(changes)
    gain = comparison.difference
    mean = Change(MEAN, comparison.before.n, 0, 0, gain.mean, gain.low, gain.high)
    points = [
        {
            "document": change.document,
            "change": change.change,
            "low": change.low,
            "high": change.high,
            "kind": MEAN if change is mean else "loss" if change.change < 0 else "gain",
            "label": f"{change.document}: {change.told}",
        }
        for change in (*drawn, mean)
    ]
    shapes = {"gain": (BLUE, "circle"), "loss": (VERMILION, "square"), MEAN: ("currentColor", "diamond")}
    colours, forms = zip(*shapes.values(), strict=True)
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("document:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelExpr=TAIL)),
        color=alt.Color("kind:N", scale=alt.Scale(domain=list(shapes), range=list(colours)), legend=None),
    )
    zero = alt.Chart(alt.Data(values=[{"change": 0}])).mark_rule(strokeDash=[4, 4], aria=False).encode(x="change:Q")
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(shapes), range=list(forms)), legend=None)
    return alt.layer(
        zero,
        base.mark_rule(strokeWidth=1.5, aria=False).encode(x="low:Q", x2="high:Q"),
        base.mark_point(filled=True, opacity=1).encode(
            x=alt.X("change:Q", title="change of the score by compiling"),
            shape=shape,
            size=alt.condition(f"datum.kind == '{MEAN}'", alt.value(260), alt.value(80)),
            description="label:N",
        ),
    ).properties(description="Change of the score by document", width=400, height={"step": 20})
