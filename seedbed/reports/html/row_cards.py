"""What the rows look like: a few accepted ones over all probabilities, and a few for each reason of rejection."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from programs.core.kinds import without_document
from programs.core.row import Candidate
from seedbed.errors import UserError
from seedbed.reports.explain import Explanation, explain_row
from seedbed.reports.html.figure import Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.runs.rows import candidate_of

ACCEPTED, EACH, REASONS, LONGEST = 6, 2, 8, 1500  # rows, rows a reason, reasons; characters of a text


class Piece(NamedTuple):
    """A part of a passage."""

    text: str
    cited: bool


class Side(NamedTuple):
    """One answer of a pair."""

    name: str
    messages: Sequence[Mapping[str, str]]


class Stage(NamedTuple):
    """One step of a solution."""

    text: str
    right: bool


@dataclasses.dataclass(frozen=True)
class RowCard:
    """A row in the form of its kind; what its kind does not have is empty."""

    id: str
    state: str
    place: str
    command: str
    scores: Table
    passage: Sequence[Piece] = ()
    messages: Sequence[Mapping[str, str]] = ()
    sides: Sequence[Side] = ()
    steps: Sequence[Stage] = ()
    text: str = ""
    label: str = ""


def row_cards(folder: RunFolder) -> list[RowCard]:
    """Rows to look at: accepted ones from the least to the most likely, one a document; then rejected ones."""
    return [_card(folder, id, accepted=True) for id in _accepted(folder)] + [
        _card(folder, id, accepted=False) for id in _rejected(folder)
    ]


def _accepted(folder: RunFolder) -> list[str]:
    table = folder.accepted(["id", "score", "lineage"])
    rows = sorted(table.to_pylist(), key=lambda row: (row["score"], row["id"])) if len(table) else []
    chosen, groups = list[str](), set[str]()
    for place in range(ACCEPTED):
        start = place * len(rows) // ACCEPTED
        fresh = (row for row in rows[start:] if row["lineage"]["group"] not in groups and row["id"] not in chosen)
        if row := next(fresh, None):
            chosen.append(row["id"])
            groups.add(row["lineage"]["group"])
    return chosen


def _rejected(folder: RunFolder) -> list[str]:
    table = folder.rejected(["id", "reason"])
    rows = sorted(table.to_pylist(), key=lambda row: row["id"]) if len(table) else []
    reasons = [reason for reason, _ in Counter(row["reason"] for row in rows).most_common(REASONS)]
    return [row["id"] for reason in reasons for row in [row for row in rows if row["reason"] == reason][:EACH]]


def _card(folder: RunFolder, id: str, *, accepted: bool) -> RowCard:
    row, explanation = folder.row(id), _explained(folder, id)
    candidate = candidate_of(row, accepted=accepted)
    lineage = row["lineage"]
    state = f"accepted, {row['score']:.2f}" if accepted else f"{row['reason']} ({row['step']}): {row['detail'][:200]}"
    headings = ["part", "score", "why"]
    scores = [[part["part"], f"{part['score']:.2f}", (part["reason"] or "")[:300]] for part in row["scores"]]
    return RowCard(
        id=id,
        state=state.removesuffix(": "),
        place=" · ".join(filter(None, [lineage["group"], lineage["teacher"]])),
        command=f"seedbed explain {folder.path.resolve().name} {id[:12]}",
        scores=Table(headings, scores),
        passage=_passage(candidate, explanation),
        **_form(candidate),
    )


def _explained(folder: RunFolder, id: str) -> Explanation | None:
    """The explanation of a row, for its cited sentences; None where the journal cannot be read now."""
    try:
        return explain_row(folder.path, id)
    except UserError:
        return None


def _passage(candidate: Candidate, explanation: Explanation | None) -> list[Piece]:
    text, pieces, end = candidate.document or "", list[Piece](), 0
    for start, stop in explanation.source.cited if explanation else []:
        pieces += [Piece(text[end:start], False), Piece(text[start:stop], True)]
        end = stop
    return [piece for piece in [*pieces, Piece(text[end : end + LONGEST], False)] if piece.text]


def _form(candidate: Candidate) -> dict[str, Any]:
    """The columns that a trainer reads, by the form of their kind."""
    columns = candidate.columns()
    if "messages" in columns:
        messages = columns["messages"]
        return {"messages": _short(without_document(messages, candidate.document or "") or messages)}
    if "chosen" in columns:
        sides = [Side(name, _short(columns[name])) for name in ("chosen", "rejected")]
        return {"messages": _short(columns["prompt"]), "sides": sides}
    if "completions" in columns:
        steps = [Stage(text, right) for text, right in zip(columns["completions"], columns["labels"], strict=True)]
        return {"text": columns["prompt"], "steps": steps}
    if "text" in columns:
        return {"text": columns["text"][:LONGEST], "label": columns.get("label", "")}
    return {"messages": _short(columns["prompt"])}


def _short(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The messages that say something, the first part of each."""
    told = [message for message in messages if message["content"].strip()]
    return [{"role": message["role"], "content": message["content"][:LONGEST]} for message in told]
