"""A row as the report shows it: its texts in the form of its kind, its passage, and its scores."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metrics.citation import Span
from programs.core.row import Candidate, Drop
from seedbed.runs.rows import candidate_of


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a passage; `cited`: the response rests on it."""

    text: str
    cited: bool


@dataclasses.dataclass(frozen=True)
class RowView:
    """A row of the report.

    Attributes:
        form: the name of its form in `page/forms.html`, which goes by the columns of its kind. columns: those that a
        trainer reads. passage: the text that supports it, in pieces; empty without one. places: the documents that the
        text is from. probability: the fit's; None where it was dropped before anything was scored.
    """

    id: str
    drop: Drop | None
    form: str
    columns: Mapping[str, Any]
    passage: Sequence[Piece]
    places: Sequence[str]
    score: float
    probability: float | None
    scores: Sequence[Mapping[str, Any]]
    unscored: Sequence[str]
    teacher: str


def row_view(row: Mapping[str, Any], cites: Sequence[Span], *, accepted: bool) -> RowView:
    """An accepted row or a rejected candidate as a view. `cites`: the spans of its passage that support it."""
    lineage, candidate = row["lineage"], candidate_of(row, accepted=accepted)
    columns = candidate.columns()
    return RowView(
        id=row["id"],
        drop=None if accepted else Drop(step=row["step"], reason=row["reason"], detail=row["detail"]),
        form=_form(columns),
        columns=_without_passage(columns, candidate),
        passage=[*_pieces(candidate.document or "", cites)],
        places=[_place(span) for span in lineage["spans"]],
        score=row["score"],
        probability=lineage.get("probability"),
        scores=row["scores"],
        unscored=row["unscored"],
        teacher=lineage["teacher"],
    )


def _form(columns: Mapping[str, Any]) -> str:
    """The kind of row by the columns that a trainer reads."""
    for column, form in {
        "messages": "chat",
        "completions": "steps",
        "chosen": "pair",
        "label": "labelled",
        "text": "text",
    }.items():
        if column in columns:
            return form
    return "prompt"


def _without_passage(columns: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
    """The columns, with the passage left out of the messages: it is shown by itself, with its marks."""
    passage = candidate.document
    if not passage or "messages" not in columns:
        return columns
    messages = []
    for message in columns["messages"]:
        before, quoted, after = message["content"].partition(passage)
        rest = f"{before}{after}".strip() if message["role"] != "assistant" else ""
        messages.append({**message, "content": rest or message["content"], "passage": bool(quoted and rest)})
    return {**columns, "messages": messages}


def _pieces(passage: str, cites: Sequence[Span]) -> Iterator[Piece]:
    end = 0
    for start, stop in cites:
        if start > end:
            yield Piece(passage[end:start], cited=False)
        yield Piece(passage[start:stop], cited=True)
        end = stop
    if passage[end:]:
        yield Piece(passage[end:], cited=False)


def _place(span: Mapping[str, Any]) -> str:
    """The document, the headings above the text, and its characters."""
    names = " › ".join([span["document"], *(span["headings"] or [])])
    return names if span["start"] is None else f"{names}, characters {span['start']:,} to {span['end']:,}"
