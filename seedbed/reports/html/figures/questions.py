"""Which kinds of question the rows ask, by their first words."""

from typing import Any

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted, percent

ENOUGH = 10  # rows


def questions(run: RunFolder) -> Figure | None:
    """The figure; None if the run did not measure it, or its rows ask nothing in English."""
    variety = run.report.get("variety") or {}
    kinds: dict[str, float] = variety.get("kinds", {})
    if kinds.keys() <= {"other"}:
        return None
    first, table = next(iter(kinds)), _table(kinds, variety["sampled"])
    if variety["sampled"] < ENOUGH:
        return Figure(f"{counted(variety['sampled'], 'row')} are too few for shares of kinds.", table)
    caption = (
        f"The commonest kind of question is {first}, {percent(kinds[first])} of {counted(variety['sampled'], 'row')}."
    )
    return Figure(caption, table, _chart(kinds))


def _table(kinds: dict[str, float], rows: int) -> Table:
    return Table(["kind", "share"], [*([kind, percent(share)] for kind, share in kinds.items()), ["rows", f"{rows:,}"]])


def _chart(kinds: dict[str, float]) -> Any:
    import altair as alt

    bars = [
        {"kind": kind, "share": share, "told": percent(share), "label": f"{kind}: {percent(share)}"}
        for kind, share in kinds.items()
    ]
    base = alt.Chart(alt.Data(values=bars)).encode(
        x=alt.X("share:Q", title="share of rows", axis=alt.Axis(format="%", tickCount=5)),
        y=alt.Y("kind:N", sort=list(kinds), title=None, axis=alt.Axis(ticks=False, domain=False)),
    )
    named = base.mark_text(align="left", dx=5, aria=False).encode(text="told:N")
    return alt.layer(base.mark_bar(color=BLUE).encode(description="label:N"), named).properties(
        description="Kinds of question", width=400
    )
