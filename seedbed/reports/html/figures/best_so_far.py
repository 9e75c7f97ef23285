"""When a compile found its best variants: the best score of each step by the replies that were scored."""

from collections.abc import Sequence
from typing import Any

from optimize.variant import Lap
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.figures.search import steps_of
from seedbed.reports.html.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION
from seedbed.reports.html.run_folder import MadeWith


def best_so_far(made: MadeWith) -> Figure | None:
    """The best score of each step as replies come in; None if no search is recorded."""
    laps = made.manifest.races if made.manifest else []
    if not laps:
        return None
    points = [point for step in steps_of(laps) for point in _climb([lap for lap in laps if lap.step == step])]
    late = {step: max(p["replies"] for p in points if p["step"] == step and p["rose"]) for step in steps_of(laps)}
    told = "; ".join(f"{step} after reply {replies:,}" for step, replies in late.items())
    cells = [[p["step"], f"{p['replies']:,}", f"{p['best']:.2f}"] for p in points if p["rose"]]
    luck = "Early scores rest on few examples, so the first rises are partly luck."
    caption = f"The best score last rose: {told}. {luck}"
    return Figure(caption, Table(["step", "replies", "best score so far"], cells), _curve(points))


def _climb(laps: Sequence[Lap]) -> list[dict[str, Any]]:
    """The best mean score of any lap so far, after each."""
    points, best = list[dict[str, Any]](), -1.0
    for lap in sorted(laps, key=lambda lap: lap.replies):
        rose, best = lap.score > best, max(best, lap.score)
        label = f"{lap.step}, {lap.replies:,} replies: {best:.2f}"
        points.append({"step": lap.step, "replies": lap.replies, "best": best, "rose": rose, "label": label})
    return points


def _curve(points: Sequence[dict[str, Any]]) -> Any:
    import altair as alt

    steps = list(dict.fromkeys(point["step"] for point in points))
    colours = [(GREEN, BLUE, ORANGE, PURPLE, VERMILION, SKY)[place % 6] for place in range(len(steps))]
    dashes = [([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])[place % 4] for place in range(len(steps))]
    base = alt.Chart(alt.Data(values=list(points))).encode(
        x=alt.X("replies:Q", title="replies scored", axis=alt.Axis(format=",d")),
        y=alt.Y(
            "best:Q", title="best score so far", scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(tickCount=5)
        ),
        color=alt.Color(
            "step:N",
            scale=alt.Scale(domain=steps, range=colours),
            legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=3),
        ),
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2, aria=False).encode(
        strokeDash=alt.StrokeDash("step:N", scale=alt.Scale(domain=steps, range=dashes))
    )
    rises = (
        base.transform_filter("datum.rose").mark_point(filled=True, size=45, opacity=1).encode(description="label:N")
    )
    return alt.layer(line, rises).properties(description="Best score by replies", width=540, height=180)
