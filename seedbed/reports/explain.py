"""Explains one row of a run: its source, each score with its reason, and every call that made it."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from metrics.citation import Span
from programs.core.row import Candidate, Drop
from programs.core.text import content_words
from seedbed.reports.calls import Call, calls_behind
from seedbed.runs.rows import candidate_of
from seedbed.storage.run_reader import Records, find_row, ids_among, read_report


class SourceSpan(BaseModel):
    """A span of a document: its characters, and the headings above them."""

    document: str
    start: int | None
    end: int | None
    headings: list[str] | None


class Passage(BaseModel):
    """The source of a row. `spans`: the places that it was cut from. `cited`: spans in `text` of the sentences that
    support the answer. `found`, `missing`: the answer's content words that the text has, and those that it does not
    have."""

    id: str
    spans: list[SourceSpan]
    text: str | None
    cited: list[Span]
    found: list[str]
    missing: list[str]


class Parent(BaseModel):
    """A row that another row was made from. `rows`: the run's folder, or the table, that has it; None if unknown."""

    id: str
    rows: str | None


class Explanation(BaseModel):
    """A row, or a rejected candidate, with everything its run knows of it.

    `rejected` is None for a row. `unscored`: judges without a verdict, and why. `attempt` is the call of the program
    that made the row; it made so many `candidates`, and each carries an equal share of its tokens and dollars. `seeds`
    are all seeds that the program was compiled on. `calls` and `candidates` are None where the journal has no record.
    """

    id: str
    rejected: Drop | None
    recipe: str
    teacher: str
    judges: list[str]
    program: str
    metric: str | None
    seeds: list[str]
    source: Passage
    parents: list[Parent]
    prompt: str
    response: str
    score: float
    scores: list[dict[str, Any]]
    unscored: dict[str, str]
    attempt: str
    candidates: int | None
    input_tokens: int
    output_tokens: int
    dollars: float | None
    calls: list[Call] | None


_OF_ROW = ("id", "score", "scores")
_OF_LINEAGE = ("recipe", "teacher", "judges", "program", "seeds", "attempt", "input_tokens", "output_tokens", "dollars")


def explain_row(folder: Path, prefix: str) -> Explanation:
    """Explain the row or rejected candidate whose id begins with `prefix`. Opens no model and writes nothing.

    Raises UserError where there is no run, where no id or several begin with `prefix`, or where an older Seedbed wrote
    the row.
    """
    row, accepted = find_row(folder, prefix)
    lineage = row["lineage"]
    candidate = candidate_of(row, accepted=accepted)
    with contextlib.closing(Records(folder / "journal.sqlite")) as records:
        report, number = read_report(folder), lineage["index"]
        setup, outcome = records.outcome(lineage["attempt"], report.get("setup"))
        made_with = {"metric": report.get("metric"), "models": _names(report)} | records.made_with(setup)
        scored = outcome["scored"][number] if outcome else {}
        reasons = scored.get("worth", {}).get("reasons", {})
        return Explanation(
            **{name: row[name] for name in _OF_ROW},
            **{name: lineage[name] for name in _OF_LINEAGE},
            rejected=None if accepted else Drop(step=row["step"], reason=row["reason"], detail=row["detail"]),
            metric=made_with.get("metric"),
            source=_passage(lineage, candidate, scored.get("cites", [])),
            parents=_parents(folder, report, lineage["parents"]),
            prompt=candidate.prompt,
            response=candidate.response,
            unscored={judge: reasons.get(judge, "") for judge in row["unscored"]},
            candidates=len(outcome["scored"]) if outcome else None,
            calls=calls_behind(records, outcome, number, made_with) if outcome else None,
        )


def _names(report: Mapping[str, Any]) -> dict[str, str]:
    """The model behind each alias."""
    return {alias: entry["model"] for alias, entry in report.get("config", {}).get("models", {}).items()}


def _parents(folder: Path, report: Mapping[str, Any], ids: Sequence[str]) -> list[Parent]:
    """The rows it was made from: those of the same run, and those that the run read, where its config names them."""
    own, read = ids_among(folder, ids), report.get("config", {}).get("sources", {}).get("rows")
    read = report.get("pairs", {}).get("run", read)
    return [Parent(id=id, rows=str(folder) if id in own else read) for id in ids]


def _passage(lineage: Mapping[str, Any], candidate: Candidate, cites: Sequence[Span]) -> Passage:
    text, words = candidate.document, list(dict.fromkeys(content_words(candidate.response)))
    text_words = set(content_words(text or ""))
    return Passage(
        id=lineage["source"],
        spans=lineage["spans"],
        text=text,
        cited=list(cites),
        found=[word for word in words if word in text_words],
        missing=[word for word in words if text and word not in text_words],
    )
