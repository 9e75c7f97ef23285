"""Candidates as rows of a dataset: accepted and rejected ones, each with its lineage; and back again."""

import json
from collections.abc import Mapping
from typing import Any

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.kinds import Preference
from programs.core.recipe import recipes
from programs.core.row import Candidate
from seedbed.storage.row_schema import SPAN

PAIRS = "pairs"  # stands where a recipe's name does, in the rows and the run.json of `seedbed pairs`


def row(scored: Scored, shared: Mapping[str, Any], licences: Mapping[str, str]) -> dict[str, Any]:
    """An accepted candidate as a row. `shared`: the part of the lineage that all rows of an attempt have in common.
    `licences`: by alias, of the models whose licence is known."""
    candidate, lineage = scored.candidate, _lineage(scored, shared, licences)
    return {"id": candidate.row_id, **candidate.columns(), **_scored(scored), "lineage": lineage}


def rejected(id: str, scored: Scored, shared: Mapping[str, Any], licences: Mapping[str, str]) -> dict[str, Any]:
    """A rejected candidate as a row, with the step and the reason. `shared` and `licences` as in `row`."""
    drop = scored.worth.drop
    assert drop
    return {
        "id": id,
        "step": drop.step,
        "reason": drop.reason,
        "detail": drop.detail,
        "candidate": scored.candidate.model_dump_json(exclude={"dropped"}),
        **_scored(scored),
        "lineage": _lineage(scored, shared, licences),
    }


def row_type(recipe: str, options: Mapping[str, Any] | None = None) -> type[Candidate]:
    """The class of the rows of a dataset whose run.json names this recipe with these options, by default the recipe's
    own; `pairs` is the command of that name."""
    if recipe == PAIRS:
        return Preference
    of = recipes()[recipe]
    return of.program(of.options(**options)).row if options else of.program.row


def candidate_of(row: Mapping[str, Any], *, accepted: bool) -> Candidate:
    """The candidate that became this row: the fields of an accepted one are columns, those of a rejected one JSON."""
    fields = row if accepted else json.loads(row["candidate"])
    return row_type(row["lineage"]["recipe"]).model_validate(fields)  # which ignores the other columns


def scores(worth: Worth) -> list[dict[str, Any]]:
    """The parts of a score with their reasons, as in a row's column `scores`."""
    return [{"part": part, "score": score, "reason": worth.reasons.get(part)} for part, score in worth.parts.items()]


def _scored(scored: Scored) -> dict[str, Any]:
    worth = scored.worth
    return {"score": worth.score, "scores": scores(worth), "unscored": worth.unscored}


def _lineage(scored: Scored, shared: Mapping[str, Any], licences: Mapping[str, str]) -> dict[str, Any]:
    """Where a candidate comes from. A candidate that several models wrote names its `writers`; the others are the
    teacher's. Its seeds are those of the program's demos and those that its source shows."""
    source = scored.source
    writers = scored.candidate.writers or [shared["teacher"]]
    models = list(dict.fromkeys([*writers, *shared["stood_in"]]))
    return {
        **shared,
        "source": source.id,
        "group": source.group,
        "spans": _spans(source.origin),
        "parents": source.origin.get("parents", []),
        "models": models,
        "licences": list(dict.fromkeys(licences[alias] for alias in models if alias in licences)),
        "seeds": list(dict.fromkeys([*shared["seeds"], *sorted(source.shown)])),
        "draw": source.draw,
        "probability": scored.worth.probability,
    }


def _spans(origin: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The spans of documents that a source was cut from: those of its origin, or the one that the origin itself is."""
    spans = origin.get("spans", [origin] if "document" in origin else [])
    return [{field.name: span.get(field.name) for field in SPAN} for span in spans]
