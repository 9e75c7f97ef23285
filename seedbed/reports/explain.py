"""One row of a run explained: what it rests on, what each score was and why, and every call that made it."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from metrics.citation import Span
from programs.core.candidate import Candidate, Drop
from programs.core.recipe import recipes
from programs.core.text import content_words
from seedbed.errors import UserError
from seedbed.runs.calls import Call, calls_behind
from seedbed.storage.run_reader import Records, find_row, read_report


class Passage(BaseModel):
    """What a row rests on. `cited`: the spans in `text` of the sentences behind the answer. `found`, `missing`: the
    answer's content words that stand in the text, and those that do not."""

    id: str
    document: str | None
    start: int | None
    end: int | None
    headings: list[str]
    text: str | None
    cited: list[Span]
    found: list[str]
    missing: list[str]


class Explanation(BaseModel):
    """A row, or a rejected candidate, with everything its run knows of it.

    `rejected` is None for a row. `unscored` are judges without a verdict, and why. `attempt` is the call of the
    program that made it; each of that one's `candidates` carries an equal share of its tokens and dollars. `seeds` are
    all that the program was compiled on. `calls` and `candidates` are None where the journal has no record of them.
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


_CARRIED = (
    *("id", "recipe", "teacher", "judges", "program", "seeds", "score", "scores"),
    *("attempt", "input_tokens", "output_tokens", "dollars"),
)


def explain_row(folder: Path, prefix: str) -> Explanation:
    """The row or rejected candidate of a run whose id begins so. Opens no model and writes nothing.

    Raises UserError where there is no run, or where none or several ids begin so.
    """
    row, accepted = find_row(folder, prefix)
    if "attempt" not in row:
        raise UserError(f"{folder} was written by an older Seedbed.", hint="The same seedbed run command renews it.")
    candidate = _candidate(row, accepted=accepted)
    with contextlib.closing(Records(folder / "journal.sqlite")) as records:
        setup, outcome, number = _attempt(records, row["attempt"], candidate)
        made_with = read_report(folder) | records.made_with(setup)
        kept = outcome["scored"][number] if outcome else {}
        reasons = kept.get("worth", {}).get("reasons", {})
        return Explanation(
            **{name: row[name] for name in _CARRIED},
            rejected=None if accepted else Drop(step=row["step"], reason=row["reason"], detail=row["detail"]),
            metric=made_with.get("metric"),
            source=_passage(row, candidate, kept.get("cites", [])),
            prompt=candidate.prompt,
            response=candidate.response,
            unscored={judge: reasons.get(judge, "") for judge in row["unscored"]},
            candidates=len(outcome["scored"]) if outcome else None,
            calls=calls_behind(records, outcome, number, made_with) if outcome else None,
        )


def _candidate(row: Mapping[str, Any], *, accepted: bool) -> Candidate:
    """The row as the program made it."""
    kind = recipes()[row["recipe"]].program.row
    fields = row if accepted else json.loads(row["candidate"])
    return kind.model_validate({name: fields[name] for name in kind.model_fields if name in fields})


def _attempt(records: Records, id: str, candidate: Candidate) -> tuple[str, dict[str, Any], int]:
    """(setup, outcome, which of its candidates) of the attempt that gave this one; empty where none on record did.

    One attempt may be on record under several setups, such as before and after a gate was changed.
    """
    fields = candidate.model_dump(mode="json", exclude={"dropped"})
    for setup, outcome in records.outcomes(id):
        for number, one in enumerate(outcome["scored"]):
            if fields.items() <= one["candidate"].items():
                return setup, outcome, number
    return "", {}, 0


def _passage(row: Mapping[str, Any], candidate: Candidate, cites: Sequence[Span]) -> Passage:
    text, said = candidate.document, list(dict.fromkeys(content_words(candidate.response)))
    there = set(content_words(text or ""))
    return Passage(
        **{name: row[name] for name in ("document", "start", "end")},
        id=row["source"],
        headings=row["headings"] or [],
        text=text,
        cited=list(cites),
        found=[word for word in said if word in there],
        missing=[word for word in said if text and word not in there],
    )
