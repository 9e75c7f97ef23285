"""What the search tried: each variant of a step by its score and the length of its prompt."""

from typing import Any

from optimize.artefact import Manifest
from optimize.variant import Lap
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.svg import FELL, PLAIN, WIDTH


def search(manifest: Manifest) -> Figure | None:
    """Every variant of every race, the winners ringed; None if no race is on record."""
    if not manifest.races:
        return None
    table = Table(
        ["step", "race", "variant", "score", "examples", "prompt, characters", "kept"],
        [
            [
                lap.step,
                f"{lap.stage}",
                lap.variant,
                f"{lap.score:.2f}",
                f"{lap.n}",
                f"{lap.length}",
                "yes" if lap.kept else "",
            ]
            for lap in manifest.races
        ],
    )
    winners = {lap.step: lap for lap in manifest.races if lap.kept}  # of each step the last
    told = "; ".join(f"{step}: {lap.variant} ({lap.score:.2f} on {lap.n})" for step, lap in winners.items())
    tried = len({(lap.step, lap.variant) for lap in manifest.races})
    return Figure(
        f"{tried} variants were tried in {sum(lap.n for lap in manifest.races)} replies. What won: {told}.",
        table,
        _chart(manifest.races, winners),
    )


def _chart(races: list[Lap], winners: dict[str, Lap]) -> Any:
    import altair as alt

    rows = [lap.model_dump() | {"race": f"race {lap.stage}", "won": lap == winners.get(lap.step)} for lap in races]
    steps = list(dict.fromkeys(lap.step for lap in races))
    base = alt.Chart().encode(
        x=alt.X(
            "length:Q",
            scale=alt.Scale(type="log", nice=True, padding=12),
            title="length of the prompt, characters",
            axis=alt.Axis(labelOverlap="greedy", tickCount=4),
        ),
        y=alt.Y("score:Q", scale=alt.Scale(domain=[0, 1]), title="score"),
    )
    dots = base.mark_point(size=60, strokeWidth=1.6).encode(
        shape=alt.Shape("race:N"), color=alt.condition("datum.kept", alt.value(PLAIN), alt.value("#9a9a9a"))
    )
    rings = base.mark_point(size=260, strokeWidth=2, color=FELL).transform_filter("datum.won")
    across = min(len(steps), 2)
    return (
        alt.layer(dots, rings, data=alt.Data(values=rows))
        .properties(width=(WIDTH - 80 * across) / across, height=240)
        .facet(alt.Facet("step:N", sort=steps), columns=across)
    )
