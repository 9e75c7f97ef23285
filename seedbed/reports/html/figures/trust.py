"""How well the metric, its judges and trivial rules tell good rows from bad ones, by people's verdicts."""

from typing import Any

from metrics.calibration.frozen import Frozen
from metrics.calibration.report import Calibration
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE, GREEN, ORANGE, PURPLE
from seedbed.reports.html.run_folder import MadeWith
from seedbed.reports.html.wording import counted

KINDS = {
    "metric": (BLUE, "circle"),
    "aspect": (PURPLE, "triangle-up"),
    "judge": (GREEN, "square"),
    "rule": (ORANGE, "cross"),
}

Line = tuple[str, str, float, float | None, float | None]
"""A kind, a name, its AUROC with the ends of the interval; a trivial rule has none."""


def trust(made: MadeWith) -> Figure | None:
    """The figure; None if the metric was not fitted to verdicts."""
    if not made.metric or not (figures := made.metric.figures):
        return None
    lines = _lines(made.metric, figures)
    return Figure(_caption(figures), _table(lines, figures), _chart(lines))


def _lines(metric: Frozen, figures: Calibration) -> list[Line]:
    lines = list[Line]([("metric", "the metric", figures.auroc, figures.auroc_low, figures.auroc_high)])
    for name, own in metric.aspects.items():
        lines.append(("aspect", f"the metric on {name}", own.auroc, own.auroc_low, own.auroc_high))
    for name, judge in figures.judges.items():
        lines.append(("judge", f"judge {name}", judge.auroc, judge.auroc_low, judge.auroc_high))
    return [
        *lines,
        *(("rule", f"trivial rule: {name}", rule.auroc, None, None) for name, rule in figures.baselines.items()),
    ]


def _caption(figures: Calibration) -> str:
    """Says first if the metric is no better than a trivial rule."""
    rule = max(figures.baselines, key=lambda name: figures.baselines[name].auroc)
    trivial = f"the trivial rule {rule} ({figures.baselines[rule].auroc:.2f})"
    area = f"{figures.auroc:.2f} [{figures.auroc_low:.2f}, {figures.auroc_high:.2f}]"
    difference = f"{figures.difference:+.2f} [{figures.difference_low:+.2f}, {figures.difference_high:+.2f}]"
    if figures.difference_high < 0:
        verdict = f"The metric (AUROC {area}) is no better than {trivial}: it is worse, {difference}"
    elif figures.difference_low <= 0:
        verdict = f"The metric (AUROC {area}) is no better than {trivial}: no measurable difference, {difference}"
    else:
        verdict = f"The metric tells a good row from a bad one with AUROC {area}, {difference} above {trivial}"
    kappa = f"{figures.kappa:.2f} [{figures.kappa_low:.2f}, {figures.kappa_high:.2f}]"
    agreement = f"Its decisions agree with people's beyond chance by kappa {kappa}, on {counted(figures.n, 'verdict')}"
    return f"{verdict}. {agreement}."


def _table(lines: list[Line], figures: Calibration) -> Table:
    cells = [[name, _area(area, low, high)] for _, name, area, low, high in lines]
    for name, value, low, high in (
        ("metric less the best trivial rule", figures.difference, figures.difference_low, figures.difference_high),
        ("kappa of decisions", figures.kappa, figures.kappa_low, figures.kappa_high),
    ):
        cells.append([name, f"{value:+.2f} [{low:+.2f}, {high:+.2f}]" if "less" in name else _area(value, low, high)])
    return Table(["what", "AUROC with its 95% interval"], [*cells, ["verdicts", f"{figures.n:,}"]])


def _area(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.2f}" if low is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _chart(lines: list[Line]) -> Any:
    import altair as alt

    points = [
        {
            "kind": kind,
            "name": name,
            "area": area,
            "low": low,
            "high": high,
            "label": f"{name}: {_area(area, low, high)}",
        }
        for kind, name, area, low, high in lines
    ]
    colours, shapes = zip(*KINDS.values(), strict=True)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(KINDS), range=list(colours)), legend=None)
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y(
            "name:N",
            sort=[name for _, name, *_ in lines],
            title=None,
            axis=alt.Axis(grid=True, ticks=False, domain=False),
        ),
        color=colour,
    )
    lowest = min([0.4, *(low if low is not None else area for _, _, area, low, _ in lines)])
    wide = alt.Scale(domain=[lowest, 1])
    x = alt.X("area:Q", scale=wide, title="AUROC (0.5 is chance)")
    chance = alt.Chart(alt.Data(values=[{"area": 0.5}])).mark_rule(strokeDash=[4, 4], aria=False).encode(x=x)
    return alt.layer(
        chance,
        base.mark_rule(strokeWidth=2, aria=False).encode(x=alt.X("low:Q", scale=wide), x2="high:Q"),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=x,
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=list(KINDS), range=list(shapes)), legend=None),
            description="label:N",
        ),
    ).properties(description="AUROC of the metric, its judges and trivial rules", width=360, height={"step": 26})
