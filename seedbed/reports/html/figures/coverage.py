"""What of the documents is in the dataset: their passages with a row, tried in vain, and untouched."""

from collections import Counter
from typing import Any

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import KEPT, LOW, WIDTH, short

CELLS, BARS = 60, 40  # documents up to which each passage is a cell, and above which only so many are bars
STATES = ("has a row", "tried in vain", "untouched")


def coverage(folder: RunFolder) -> Figure | None:
    """The passages of each document by what came of them; None if sources are not recorded or are of no document."""
    lines = _lines(folder)
    if not lines:
        return None
    documents: dict[str, list[str]] = {}
    for line in lines:
        documents.setdefault(line["document"], []).append(_state(line))
    counts = {name: Counter(states) for name, states in documents.items()}
    fewest = sorted(counts, key=lambda name: (counts[name][STATES[0]] / len(documents[name]), name))
    table = Table(
        ["document", "passages", *STATES],
        [[name, f"{len(documents[name])}", *(f"{counts[name][state]}" for state in STATES)] for name in fewest],
    )
    total = Counter(state for states in documents.values() for state in states)
    bare = sum(not counts[name][STATES[0]] for name in documents)
    caption = (
        f"{total[STATES[0]]} of {len(lines)} passages have a row, {total[STATES[1]]} were tried in vain and "
        f"{total[STATES[2]]} were not reached. {bare} of {len(documents)} documents have no row."
    )
    chart = _cells(documents) if len(documents) <= CELLS else _bars(documents, fewest[:BARS])
    return Figure(caption, table, chart)


def _lines(folder: RunFolder) -> list[dict[str, Any]]:
    if folder.sources is None:
        return []
    lines: list[dict[str, Any]] = folder.sources.select(["document", "start", "tried", "accepted"]).to_pylist()
    return sorted((line for line in lines if line["document"]), key=lambda line: (line["document"], line["start"] or 0))


def _state(line: dict[str, Any]) -> str:
    return STATES[0] if line["accepted"] else STATES[1] if line["tried"] else STATES[2]


def _colour() -> Any:
    import altair as alt

    return alt.Color("state:N", scale=alt.Scale(domain=STATES, range=[KEPT, LOW, "#b9bec4"]))


def _cells(documents: dict[str, list[str]]) -> Any:
    """A cell for each passage; what was tried in vain is smaller too, and what is untouched is smallest."""
    import altair as alt

    cells = [
        {"document": short(name), "passage": place, "state": state, "size": 1 - 0.28 * STATES.index(state)}
        for name, states in documents.items()
        for place, state in enumerate(states, 1)
    ]
    longest = max(map(len, documents.values()))
    width = min(WIDTH - 300, 22 * longest)
    return (
        alt.Chart(alt.Data(values=cells))
        .mark_square(opacity=1)
        .encode(
            x=alt.X(
                "passage:Q",
                title="passage",
                axis=alt.Axis(tickMinStep=1, grid=False),
                scale=alt.Scale(domain=[0.4, longest + 0.6], nice=False),
            ),
            y=alt.Y("document:N", sort=None, title=None),
            size=alt.Size(
                "size:Q",
                scale=alt.Scale(domain=[0, 1], range=[20, min(190, (width / longest) ** 2 * 0.6)]),
                legend=None,
            ),
            color=_colour(),
        )
        .properties(width=width, height=19 * len(documents))
    )


def _bars(documents: dict[str, list[str]], shown: list[str]) -> Any:
    import altair as alt

    bars = [
        {"document": short(name), "state": state, "passages": count, "order": STATES.index(state)}
        for name in shown
        for state, count in Counter(documents[name]).items()
    ]
    return (
        alt.Chart(alt.Data(values=bars))
        .mark_bar()
        .encode(
            x=alt.X(
                "passages:Q",
                stack="normalize",
                title="share of passages; the documents with the fewest rows",
                axis=alt.Axis(format="%"),
            ),
            y=alt.Y("document:N", sort=None, title=None),
            color=_colour(),
            order="order:Q",
        )
        .properties(width=WIDTH - 300, height=17 * len(shown))
    )
