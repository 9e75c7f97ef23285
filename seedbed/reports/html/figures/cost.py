"""What an accepted row costs: the share that went into rows kept, into rejected ones, and into calls without reply."""

from collections import defaultdict
from typing import Any

from seedbed.reports.html.bill import KEPT, OTHER, SILENT, Bill, bill_of
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, cross, dots, stripes
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted, percent

FILLS = (stripes(VERMILION), dots(ORANGE), cross(PURPLE), stripes(SKY), dots(BLUE))


def cost(run: RunFolder) -> Figure | None:
    """The figure; None if there is no candidate, or nothing is recorded of its cost."""
    bill = bill_of(run)
    if not sum(bill.by_purpose.values()):
        return None
    if not bill.rows:
        total = bill.told(sum(bill.by_purpose.values()))
        return Figure(f"No row was accepted, so {total} of candidates brought nothing.", _table(bill))
    return Figure(_caption(bill), _table(bill), _chart(bill))


def _caption(bill: Bill) -> str:
    total = sum(bill.by_purpose.values())
    kept = sum(amount for (_, purpose), amount in bill.by_purpose.items() if purpose == KEPT)
    each = f"An accepted row took {bill.told(total / bill.rows)}, rejected candidates included"
    share, rows = percent(kept / total), counted(bill.rows, "row")
    return f"{each}. {share} of all {bill.told(total)} went into the {rows} kept."


def _table(bill: Bill) -> Table:
    total, n = sum(bill.by_purpose.values()), max(bill.rows, 1)
    purposes = _purposes(bill)
    lines = [
        [teacher, purpose, bill.told(amount), bill.told(amount / n), percent(amount / total)]
        for teacher, purpose, amount in sorted(
            ((*key, amount) for key, amount in bill.by_purpose.items()),
            key=lambda line: (line[0], purposes.index(line[1])),
        )
    ]
    kept = sum(amount for (_, purpose), amount in bill.by_purpose.items() if purpose == KEPT)
    lines += [
        ["all", KEPT, bill.told(kept), bill.told(kept / n), percent(kept / total)],
        ["all", f"everything, on {bill.rows:,} rows", bill.told(total), bill.told(total / n), "100%"],
    ]
    whole = sum(bill.by_model.values()) or 1
    lines += [
        [alias, "by this model, replays included", bill.told(amount), bill.told(amount / n), percent(amount / whole)]
        for alias, amount in bill.by_model.items()
    ]
    return Table(["model", "for", bill.unit, "for each accepted row", "share"], lines)


def _purposes(bill: Bill) -> list[str]:
    """Rows kept first, then reasons by what they took, then the rest."""
    sums = defaultdict[str, float](float)
    for (_, purpose), amount in bill.by_purpose.items():
        sums[purpose] += amount
    reasons = sorted(sums.keys() - {KEPT, OTHER, SILENT}, key=lambda purpose: (-sums[purpose], purpose))
    return [purpose for purpose in (KEPT, *reasons, OTHER, SILENT) if purpose in sums]


def _chart(bill: Bill) -> Any:
    import altair as alt

    purposes = _purposes(bill)
    fills = {KEPT: GREEN, OTHER: GREY, SILENT: cross(GREY)}
    reasons = [purpose for purpose in purposes if purpose not in fills]
    fills |= dict(zip(reasons, FILLS, strict=False))
    bars = [
        {
            "teacher": teacher,
            "purpose": purpose,
            "order": purposes.index(purpose),
            "amount": amount / bill.rows,
            "label": f"{teacher}, {purpose}: {bill.told(amount / bill.rows)} for each accepted row",
        }
        for (teacher, purpose), amount in bill.by_purpose.items()
        if amount
    ]
    form = "$.4~f" if bill.unit == "dollars" else ",d"
    return (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(stroke="currentColor", strokeWidth=0.4)
        .encode(
            x=alt.X(
                "amount:Q",
                stack="zero",
                title=f"{bill.unit} for each accepted row",
                axis=alt.Axis(format=form, tickCount=4),
            ),
            y=alt.Y("teacher:N", title=None, sort="-x"),
            color=alt.Color(
                "purpose:N",
                scale=alt.Scale(domain=purposes, range=[fills[purpose] for purpose in purposes]),
                legend=alt.Legend(columns=3, labelLimit=170),
            ),
            order="order:Q",
            description="label:N",
        )
        .properties(description="Cost of an accepted row", width=480, height={"step": 34})
    )
