"""Where candidates are lost: a bar for each reason, in the order of the gates."""

from collections import Counter
from typing import Any

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import FELL, KEPT, PLAIN, WIDTH

_GATES = (
    "veto",
    "check",
    "round trip",
    "judge",
    "threshold",
    "duplicate",
    "contamination",
)  # after the program's steps


def funnel(folder: RunFolder) -> Figure | None:
    """Of all candidates, how many each reason took, and how many are left; None without candidates."""
    rejected = folder.rejected(["step", "reason"])
    counts = Counter(zip(*(rejected[name].to_pylist() for name in ("step", "reason")), strict=True)) if rejected else {}
    accepted = len(folder.accepted(["id"]))
    total = accepted + sum(counts.values())
    if not total:
        return None
    fallen = sorted(counts.items(), key=lambda item: (_gate(item[0][0]), -item[1], item[0]))
    table = Table(
        ["step", "reason", "candidates", "share"],
        [
            *([step, reason, f"{count}", f"{count / total:.0%}"] for (step, reason), count in fallen),
            ["", "accepted", f"{accepted}", f"{accepted / total:.0%}"],
        ],
    )
    reasons = Counter[str]()
    for (_, reason), count in fallen:
        reasons[reason] += count
    return Figure(_caption(accepted, total, reasons), table, _chart(fallen, total))


def _gate(step: str) -> int:
    """The place of a step's gate: the program's own steps come first."""
    return next((place for place, gate in enumerate(_GATES, 1) if step.startswith(gate)), 0)


def _caption(accepted: int, total: int, reasons: Counter[str]) -> str:
    kept = f"{accepted} of {total} candidates were accepted ({accepted / total:.0%})."
    if not reasons:
        return f"{kept} None was rejected."
    reason, count = reasons.most_common(1)[0]
    word = "Most of the others were lost to one reason" if 2 * count > total - accepted else "The commonest reason"
    return f"{kept} {word}: {reason}, {count} of {total - accepted}."


def _chart(fallen: list[Any], total: int) -> Any:
    """Floating bars: each begins where the one above has left off."""
    import altair as alt

    bars, left = [{"name": "candidates", "from": 0, "to": total, "kind": "candidates"}], total
    for (step, reason), count in fallen:
        bars.append({"name": f"{reason} ({step})", "from": left - count, "to": left, "kind": "rejected"})
        left -= count
    bars.append({"name": "accepted", "from": 0, "to": left, "kind": "accepted"})
    labelled = [bar | {"count": bar["to"] - bar["from"]} for bar in bars]  # type: ignore[operator]
    base = alt.Chart(alt.Data(values=labelled)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=280)),
        x=alt.X("from:Q", title="candidates", scale=alt.Scale(domain=[0, total * 1.08])),
        x2="to:Q",
    )
    colours = alt.Scale(domain=["candidates", "rejected", "accepted"], range=[PLAIN, FELL, KEPT])
    marks = base.mark_bar(height=15).encode(color=alt.Color("kind:N", scale=colours, legend=None))
    numbers = base.mark_text(align="left", dx=5, color="currentColor").encode(x="to:Q", text="count:Q")
    return (marks + numbers).properties(width=WIDTH - 260, height=24 * len(labelled))
