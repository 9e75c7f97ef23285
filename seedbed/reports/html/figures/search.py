"""What a compile tried: the score of each variant against the length of its prompt."""

from collections.abc import Sequence
from typing import Any

from optimize.variant import Lap
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION
from seedbed.reports.html.run_folder import MadeWith
from seedbed.reports.html.wording import counted

COLOURS = (SKY, ORANGE, PURPLE, GREEN, VERMILION, BLUE)
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
COLUMNS = 2


def search(made: MadeWith) -> Figure | None:
    """Score and length; None if no search is recorded."""
    laps = made.manifest.races if made.manifest else []
    return Figure(_caption(laps), _table(laps), _dots(laps)) if laps else None


def winners(laps: Sequence[Lap]) -> dict[str, Lap]:
    """By step, the lap that ends its search: the best variant that was kept in the last race."""
    chosen = dict[str, Lap]()
    for lap in laps:
        if lap.kept and (lap.step not in chosen or (lap.stage, lap.score) >= _rank(chosen[lap.step])):
            chosen[lap.step] = lap
    return chosen


def _rank(lap: Lap) -> tuple[int, float]:
    return lap.stage, lap.score


def steps_of(laps: Sequence[Lap]) -> list[str]:
    """The steps in the order of their search."""
    return list(dict.fromkeys(lap.step for lap in laps))


def _caption(laps: Sequence[Lap]) -> str:
    tried = len({(lap.step, lap.variant) for lap in laps})
    told = "; ".join(
        f"{step}: {lap.variant}, {lap.score:.2f} on {counted(lap.n, 'example')}, {lap.length:,} characters of prompt"
        for step, lap in winners(laps).items()
    )
    tries = f"{counted(tried, 'variant')} of {counted(len(steps_of(laps)), 'step')} were tried."
    return f"{tries} Chosen for {told}." if told else f"{tries} None was kept."


def _table(laps: Sequence[Lap]) -> Table:
    chosen = winners(laps).values()
    cells = [
        [lap.step, f"{lap.stage}", lap.variant, f"{lap.score:.2f}", f"{lap.n:,}", f"{lap.length:,}", _fate(lap, chosen)]
        for lap in laps
    ]
    tried = f"{len({(lap.step, lap.variant) for lap in laps}):,}"
    cells.insert(0, [f"all: {len(steps_of(laps))}", "", tried, "", "", "", ""])
    return Table(["step", "race", "variant", "score", "examples", "characters", "went on"], cells)


def _fate(lap: Lap, chosen: Any) -> str:
    return "chosen" if any(lap is winner for winner in chosen) else "yes" if lap.kept else "no"


def _dots(laps: Sequence[Lap]) -> Any:
    import altair as alt

    chosen = winners(laps).values()
    points = [
        {
            "step": lap.step,
            "race": f"race {lap.stage}",
            "score": lap.score,
            "length": lap.length,
            "variant": lap.variant,
            "won": any(lap is winner for winner in chosen),
            "label": f"race {lap.stage}, {lap.variant}: {lap.score:.2f} on {lap.n}, {lap.length:,} characters",
        }
        for lap in laps
    ]
    races = sorted({f"race {lap.stage}" for lap in laps}, key=lambda name: int(name.split()[1]))
    colours, shapes = (list((values * len(races))[: len(races)]) for values in (COLOURS, SHAPES))
    base = alt.Chart().encode(
        x=alt.X(
            "length:Q",
            title="characters of the prompt",
            scale=alt.Scale(zero=False, padding=14),
            axis=alt.Axis(tickCount=4),
        ),
        y=alt.Y("score:Q", title="score", scale=alt.Scale(zero=False, padding=14), axis=alt.Axis(tickCount=5)),
    )
    dots = base.mark_point(filled=True, size=75, opacity=0.85).encode(
        color=alt.Color("race:N", scale=alt.Scale(domain=races, range=colours)),
        shape=alt.Shape("race:N", scale=alt.Scale(domain=races, range=shapes)),
        description="label:N",
    )
    joined = base.mark_line(color="currentColor", opacity=0.3, strokeWidth=1, aria=False).encode(detail="variant:N")
    ring = base.transform_filter("datum.won").mark_point(size=330, strokeWidth=2, color="currentColor", aria=False)
    wide = len(steps_of(laps)) > 1
    panel = alt.layer(joined, dots, ring).properties(width=235 if wide else 480, height=190)
    return (
        panel.facet(
            facet=alt.Facet("step:N", sort=steps_of(laps), title=None), data=alt.Data(values=points), columns=COLUMNS
        )
        .resolve_scale(x="independent")
        .properties(description="Score and prompt length of each variant")
    )
