"""Candidates as rows of a dataset: their columns, and the rows of accepted and of rejected ones."""

from typing import Any

import pyarrow as pa

from optimize.scoring import Scored
from programs.core.row import Candidate, digest
from seedbed.runs.arrow import arrow_fields

_SCORES = pa.list_(pa.struct([("part", pa.string()), ("score", pa.float64()), ("reason", pa.string())]))
_LINEAGE = [
    ("recipe", pa.string()),
    ("document", pa.string()),
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("text_hash", pa.string()),
    ("headings", pa.list_(pa.string())),
    ("lead", pa.string()),  # text before the span of a passage: headings, a table's header
    ("source", pa.string()),
    ("score", pa.float64()),
    ("scores", _SCORES),
    ("unscored", pa.list_(pa.string())),
    ("teacher", pa.string()),
    ("stood_in", pa.list_(pa.string())),  # models that answered in place of the teacher or a judge
    ("judges", pa.list_(pa.string())),
    ("program", pa.string()),
    ("seeds", pa.list_(pa.string())),
    ("attempt", pa.string()),  # id of the outcome in the journal, which names the program's call and all model calls
    ("index", pa.int64()),  # the candidate's place in the attempt
    ("input_tokens", pa.int64()),
    ("output_tokens", pa.int64()),
    ("dollars", pa.float64()),
]


def row_schema(kind: type[Candidate]) -> pa.Schema:
    """The columns of accepted rows: id, those that a trainer reads, the recipe's own fields, then the row's origin.

    Raises TypeError if a field of the recipe's rows has no column type."""
    base = arrow_fields(kind.Base)
    taken = {"dropped", *(name for name, _ in base)}
    own = [column for column in arrow_fields(kind) if column[0] not in taken]
    return pa.schema([("id", pa.string()), *base, *own, *_LINEAGE])


REJECTED = pa.schema(
    [
        ("id", pa.string()),
        ("step", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("candidate", pa.string()),
        ("group", pa.string()),
        *_LINEAGE,
    ]
)


def row(scored: Scored, shared: dict[str, Any]) -> dict[str, Any]:
    """An accepted candidate as a row. Its id is a hash of its content. `shared`: columns that are equal in all rows of
    a run."""
    columns, worth = scored.candidate.columns(), scored.worth
    return {
        **_place(scored),
        **columns,
        **shared,
        "seeds": _seeds(scored, shared),
        "id": digest(columns),
        "source": scored.source.id,
        "score": worth.score,
        "scores": _scores(scored),
        "unscored": worth.unscored,
    }


def rejected(id: str, scored: Scored, shared: dict[str, Any]) -> dict[str, Any]:
    """A rejected candidate as a row, with the step and the reason. `shared` as in `row`."""
    drop = scored.worth.drop
    assert drop
    return {
        **_place(scored),
        **shared,
        "seeds": _seeds(scored, shared),
        "id": id,
        "step": drop.step,
        "reason": drop.reason,
        "detail": drop.detail,
        "score": scored.worth.score,
        "scores": _scores(scored),
        "unscored": scored.worth.unscored,
        "candidate": scored.candidate.model_dump_json(exclude={"dropped"}),
        "group": scored.source.group,
        "source": scored.source.id,
    }


def _place(scored: Scored) -> dict[str, Any]:
    origin = scored.source.origin
    return {name: origin.get(name) for name in ("document", "start", "end", "text_hash", "headings", "lead")}


def _seeds(scored: Scored, shared: dict[str, Any]) -> list[str]:
    """The seeds that may appear in its prompts: those of the program's demos, and those that its source shows."""
    return list(dict.fromkeys([*shared["seeds"], *sorted(scored.source.shown)]))


def _scores(scored: Scored) -> list[dict[str, Any]]:
    worth = scored.worth
    return [{"part": part, "score": score, "reason": worth.reasons.get(part)} for part, score in worth.parts.items()]
