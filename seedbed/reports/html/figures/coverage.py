"""What of the documents is in the rows: each passage accepted, tried in vain, or untouched."""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from seedbed.reports.html.candidates import unit
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import GREEN, GREY, ORANGE, TAIL, scale, stripes
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted, percent

MAPPED = 60  # documents: more of them become bars
CELLS = 60  # in a line of the heatmap; of longer documents, several passages share one
ALL_CELLS = 1500  # of the heatmap, each with a label: 200 kB
ACCEPTED, VAIN, UNTOUCHED = "has a row", "tried in vain", "untouched"
FILLS = {ACCEPTED: GREEN, VAIN: stripes(ORANGE), UNTOUCHED: GREY + "55"}
TENTHS = 10
PARTS = {"document": "passage", "group": "source"}


@dataclasses.dataclass(frozen=True)
class Document:
    """A document, or a group of sources that are of no document: the state of each passage in its order, and rows."""

    name: str
    states: Sequence[str]
    rows: int

    @property
    def share(self) -> float:
        """Of its passages, those that have a row."""
        return self.states.count(ACCEPTED) / len(self.states)


def coverage(run: RunFolder) -> Figure | None:
    """The figure; None if the sources are not recorded, as by an older Seedbed or in an unfinished run."""
    documents = _documents(run)
    if not documents:
        return None
    chart = _map(documents, unit(run)) if len(documents) <= MAPPED else _bars(documents, unit(run))
    return Figure(_caption(documents, unit(run)), _table(documents, unit(run)), chart)


def _documents(run: RunFolder) -> list[Document]:
    """Documents with the least share of passages in rows first."""
    if run.sources is None:
        return []
    by_name = dict[str, list[tuple[int, str, int]]]()
    columns = (run.sources[name].to_pylist() for name in ("document", "group", "start", "tried", "accepted"))
    for document, group, start, tried, accepted in zip(*columns, strict=True):
        state = ACCEPTED if accepted else VAIN if tried else UNTOUCHED
        by_name.setdefault(document or group or "", []).append((start or 0, state, accepted or 0))
    documents = []
    for name, passages in by_name.items():
        passages.sort(key=lambda passage: passage[0])  # those without a place keep their order
        documents.append(Document(name, [state for _, state, _ in passages], sum(rows for *_, rows in passages)))
    return sorted(documents, key=lambda document: (document.share, document.name))


def _caption(documents: Sequence[Document], noun: str) -> str:
    states = Counter(state for document in documents for state in document.states)
    passages, bare = states.total(), sum(document.share == 0 for document in documents)
    share = percent(states[ACCEPTED] / passages)
    has = f"Accepted rows come from {states[ACCEPTED]:,} of {counted(passages, PARTS[noun])} ({share})"
    rest = f"tried in vain: {states[VAIN]:,}, untouched: {states[UNTOUCHED]:,}"
    without = f"{bare:,} of {counted(len(documents), noun)} without a row"
    return f"{has}; {rest}. {without}."


def _table(documents: Sequence[Document], noun: str) -> Table:
    total = Document(
        "all", [state for document in documents for state in document.states], sum(d.rows for d in documents)
    )
    bare = sum(document.share == 0 for document in documents)
    lines = [_line(total), [f"without a row: {bare:,} of {len(documents):,}", *[""] * 5], *map(_line, documents)]
    return Table([noun, f"{PARTS[noun]}s", ACCEPTED, VAIN, UNTOUCHED, "rows"], lines)


def _line(document: Document) -> list[str]:
    reached = f"{document.states.count(ACCEPTED):,} ({percent(document.share)})"
    others = (f"{document.states.count(state):,}" for state in (VAIN, UNTOUCHED))
    return [document.name, f"{len(document.states):,}", reached, *others, f"{document.rows:,}"]


def _map(documents: Sequence[Document], noun: str) -> Any:
    import altair as alt

    longest = max(len(document.states) for document in documents)
    each = math.ceil(longest / min(CELLS, ALL_CELLS // len(documents)))
    cells = [_cell(document, place, each) for document in documents for place in range(0, len(document.states), each)]
    title = f"{PARTS[noun]}s of each {noun}, in order" + (
        f", {each} to a cell, fuller with more rows" if each > 1 else ""
    )
    gap = alt.Scale(paddingInner=0.07)
    width = min(24, 430 // math.ceil(longest / each))
    return (
        alt.Chart(alt.Data(values=cells))
        .mark_rect()
        .encode(
            x=alt.X("cell:O", title=title, scale=gap, axis=alt.Axis(labels=False, ticks=False, domain=False)),
            y=alt.Y(
                "document:N",
                sort=[document.name for document in documents],
                title=None,
                scale=gap,
                axis=alt.Axis(ticks=False, domain=False, labelExpr=TAIL),
            ),
            color=alt.Color("state:N", scale=scale(FILLS)),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.2, 1]), legend=None),
            description="label:N",
        )
        .properties(
            description="Passages with a row, tried in vain, and untouched",
            width={"step": width},
            height={"step": 20 if len(documents) <= MAPPED // 2 else 15},
        )
    )


def _cell(document: Document, place: int, each: int) -> dict[str, Any]:
    """Some passages of a document: the best state of them, and the share of them that is in it."""
    states = document.states[place : place + each]
    state = next(name for name in FILLS if name in states)
    which, told = f"passage {place + 1}", state
    if each > 1:
        which = f"passages {place + 1} to {place + len(states)}"
        told = ", ".join(f"{states.count(name)} {name}" for name in FILLS if name in states)
    label = f"{document.name}, {which}: {told}"
    return {
        "document": document.name,
        "cell": place // each,
        "state": state,
        "share": states.count(state) / len(states),
        "label": label,
    }


def _bars(documents: Sequence[Document], noun: str) -> Any:
    """How many documents have which share of their passages in rows."""
    import altair as alt

    names = ["none", *(f"{10 * tenth + 1}% to {10 * tenth + 10}%" for tenth in range(TENTHS))]
    numbers = Counter(math.ceil(round(TENTHS * document.share, 6)) for document in documents)
    bars = [
        {
            "share": name,
            "number": numbers[place],
            "none": place == 0,
            "label": f"{name}: {counted(numbers[place], noun)}",
        }
        for place, name in enumerate(names)
    ]
    base = alt.Chart(alt.Data(values=bars)).encode(
        x=alt.X("number:Q", title=f"{noun}s", axis=alt.Axis(format=",d", tickMinStep=1)),
        y=alt.Y("share:N", sort=names, title=f"share of {PARTS[noun]}s with a row"),
        description="label:N",
    )
    drawn = base.mark_bar().encode(color=alt.condition("datum.none", alt.value(stripes(ORANGE)), alt.value(GREEN)))
    return alt.layer(drawn, base.mark_text(align="left", dx=5, aria=False).encode(text="number:Q")).properties(
        description="Documents by the share with a row", width=400
    )
