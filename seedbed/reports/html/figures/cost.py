"""What an accepted row is made of: the cost of rows that were kept, of rejected ones by reason, and of other calls."""

from typing import Any

import pyarrow.compute as pc

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import WIDTH

REASONS = 5  # that are told apart; the others are one part
KEPT_ROWS, REST, OTHERS = "rows that were kept", "other reasons", "calls of no candidate"


def cost(folder: RunFolder) -> Figure | None:
    """Dollars for each accepted row, or tokens if nothing has a price; None without rows, or without a report."""
    accepted = len(folder.accepted(["id"]))
    if not accepted or not folder.report:
        return None
    has_price = bool(folder.report["dollars"])
    spent = _spent(folder, has_price=has_price)
    total = folder.report["dollars"] if has_price else folder.report["input_tokens"] + folder.report["output_tokens"]
    rest = float(total) - sum(spent.values())
    if rest > 0.01 * float(total):
        spent[OTHERS] = rest
    share = {name: value / accepted for name, value in spent.items()}
    whole = sum(share.values()) or 1.0
    table = Table(
        ["part", f"{'dollars' if has_price else 'tokens'} for each accepted row", "share"],
        [[name, _number(value, has_price=has_price), f"{value / whole:.0%}"] for name, value in share.items()],
    )
    unit = "" if has_price else " tokens"
    shared = " Calls that several candidates share are counted for each of them." if rest < -0.01 * float(total) else ""
    caption = (
        f"An accepted row took {_number(whole, has_price=has_price)}{unit}: {share[KEPT_ROWS] / whole:.0%} of it for "
        f"the row itself, the rest for what was rejected or had no candidate.{shared}"
    )
    return Figure(caption, table, _chart(share, has_price=has_price))


def _number(value: float, *, has_price: bool) -> str:
    return f"${value:.5f}".rstrip("0") if has_price else f"{value:,.0f}"


def _spent(folder: RunFolder, *, has_price: bool) -> dict[str, float]:
    """The cost of candidates, by what became of them, the greatest parts first."""
    spent: dict[str, float] = {}
    for name, table in ((KEPT_ROWS, folder.accepted(["lineage"])), ("", folder.rejected(["lineage", "reason"]))):
        if len(table):
            reasons = [name] * len(table) if name else table["reason"].to_pylist()
            for reason, value in zip(reasons, _values(table["lineage"], has_price=has_price), strict=True):
                spent[reason] = spent.get(reason, 0.0) + (value or 0.0)
    kept = {KEPT_ROWS: spent.pop(KEPT_ROWS, 0.0)}
    largest = dict(sorted(spent.items(), key=lambda item: (-item[1], item[0]))[:REASONS])
    others = sum(spent.values()) - sum(largest.values())
    return kept | largest | ({REST: others} if others else {})


def _values(lineage: Any, *, has_price: bool) -> list[float | None]:
    if has_price:
        return list(pc.struct_field(lineage, "dollars").to_pylist())
    tokens = (pc.struct_field(lineage, name).fill_null(0) for name in ("input_tokens", "output_tokens"))
    return list(pc.add(*tokens).to_pylist())


def _chart(share: dict[str, float], *, has_price: bool) -> Any:
    import altair as alt

    rows = [{"part": name, "cost": value, "kept": name == KEPT_ROWS} for name, value in share.items()]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("part:N", sort=None, title=None),
        x=alt.X("cost:Q", title=f"{'dollars' if has_price else 'tokens'} for each accepted row"),
    )
    bars = base.mark_bar(height=15).encode(
        color=alt.condition("datum.kept", alt.value("#009E73"), alt.value("#D55E00"))
    )
    return bars.properties(width=WIDTH - 260, height=26 * len(rows))
