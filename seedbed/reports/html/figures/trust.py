"""Whether the metric knows what people think: its reliability, and its ranking beside judges and trivial rules."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metrics.calibration.intervals import share_interval
from metrics.calibration.predictions import IN_SAMPLE, Prediction
from metrics.calibration.report import Calibration
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import MadeWith
from seedbed.reports.html.svg import KEPT, MUTED, PLAIN, WIDTH

BINS = 10


def trust(made_with: MadeWith) -> Figure | None:
    """The share of good rows by predicted probability, and the AUROC of metric, judges and rules, with intervals; None
    if the metric was fitted to no verdict."""
    figures = made_with.metric.figures if made_with.metric else None
    if figures is None:
        return None
    bins, areas = _bins(made_with.predictions), _areas(figures)
    rows = [
        [name, f"{mean:.2f}", f"{low:.2f} to {high:.2f}" if low is not None else ""] for name, mean, low, high in areas
    ]
    rows += [
        [f"rows predicted {row['low']:.1f} to {row['high']:.1f} ({row['n']})", f"{row['good']:.2f}", row["interval"]]
        for row in bins
    ]
    table = Table(["what", "AUROC, or share of good rows", "95% interval"], rows)
    return Figure(_caption(figures, made_with.predictions), table, _chart(bins, areas))


def _caption(figures: Calibration, predictions: Sequence[Prediction]) -> str:
    rule, trivial = max(((name, rule.auroc) for name, rule in figures.baselines.items()), key=lambda item: item[1])
    beats = figures.difference_low > 0
    said = (
        "ranks rows better than" if beats else "is worse than" if figures.difference_high < 0 else "is no better than"
    )
    held = " These verdicts were in the fit." if predictions and predictions[0].fold == IN_SAMPLE else ""
    return (
        f"The metric {said} the trivial rule {rule}: AUROC {figures.auroc:.2f} [{figures.auroc_low:.2f}, "
        f"{figures.auroc_high:.2f}] against {trivial:.2f}, on {figures.n} verdicts. Kappa with people is "
        f"{figures.kappa:.2f} [{figures.kappa_low:.2f}, {figures.kappa_high:.2f}], the calibration error "
        f"{figures.ece:.2f}.{held}"
    )


def _areas(figures: Calibration) -> list[tuple[str, float, float | None, float | None]]:
    """Name, AUROC and interval of the metric, each judge and each trivial rule (without an interval)."""
    areas: list[tuple[str, float, float | None, float | None]] = [
        ("metric", figures.auroc, figures.auroc_low, figures.auroc_high)
    ]
    areas += [(f"judge {name}", of.auroc, of.auroc_low, of.auroc_high) for name, of in figures.judges.items()]
    return areas + [(f"rule: {name}", rule.auroc, None, None) for name, rule in figures.baselines.items()]


def _bins(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Verdicts by predicted probability, in tenths; the intervals are by document."""
    bins = []
    for place in range(BINS):
        rows = [row for row in predictions if min(int(row.probability * BINS), BINS - 1) == place]
        if rows:
            share = share_interval([float(row.good) for row in rows], [row.group for row in rows])
            bins.append(
                {
                    "low": place / BINS,
                    "high": (place + 1) / BINS,
                    "n": len(rows),
                    "predicted": float(np.mean([row.probability for row in rows])),
                    "good": share.mean,
                    "from": share.low,
                    "to": share.high,
                    "interval": f"{share.low:.2f} to {share.high:.2f}",
                }
            )
    return bins


def _chart(bins: list[dict[str, Any]], areas: Sequence[tuple[str, float, float | None, float | None]]) -> Any:
    import altair as alt

    unit = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.Data(values=bins)).encode(x=alt.X("predicted:Q", scale=unit, title="predicted probability"))
    line = alt.Chart(alt.Data(values=[{"p": 0, "q": 0}, {"p": 1, "q": 1}])).mark_line(strokeDash=[4, 4], color=MUTED)
    reliability = (
        line.encode(x="p:Q", y="q:Q")
        + base.mark_rule(color=PLAIN).encode(y=alt.Y("from:Q", title="share that people call good"), y2="to:Q")
        + base.mark_point(filled=True, size=60, color=PLAIN, opacity=1).encode(y=alt.Y("good:Q", scale=unit))
    ).properties(
        width=320, height=260, title=alt.Title("reliability", color="currentColor", fontSize=12, fontWeight="normal")
    )
    dots = [
        {"name": name, "auroc": mean, "from": mean if low is None else low, "to": mean if high is None else high}
        for name, mean, low, high in areas
    ]
    of = alt.Chart(alt.Data(values=dots)).encode(y=alt.Y("name:N", sort=None, title=None))
    chance = (
        alt.Chart(alt.Data(values=[{"chance": 0.5}])).mark_rule(strokeDash=[4, 4], color=MUTED).encode(x="chance:Q")
    )
    ranking = (
        chance
        + of.mark_rule(color=KEPT).encode(x=alt.X("from:Q", scale=unit, title="AUROC"), x2="to:Q")
        + of.mark_point(filled=True, size=70, color=KEPT, opacity=1).encode(x="auroc:Q")
    ).properties(
        width=WIDTH - 560,
        height=260,
        title=alt.Title("ranking", color="currentColor", fontSize=12, fontWeight="normal"),
    )
    return reliability | ranking
