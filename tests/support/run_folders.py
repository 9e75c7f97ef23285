"""Finished runs made by hand: rows of any kind in a folder, as a run leaves them."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.row import Candidate, Drop, Source
from seedbed.runs.rows import rejected, row
from seedbed.storage.row_schema import REJECTED, row_schema

SHELF = {"model": "embedded/qwen2.5-coder-0.5b", "api_base": None, "allows_training": None}
CLOSED = {"model": "openai/gpt-5-mini", "api_base": None, "allows_training": None}


def write_run(
    folder: Path,
    recipe: str,
    rows: Sequence[Candidate],
    *,
    validation: Sequence[Candidate] = (),
    fallen: Sequence[tuple[Candidate, str]] = (),
    teacher: str = "small",
    groups: Sequence[str] = ("a.md", "b.md"),
    held_out: Sequence[str] = ("held.md",),
    probability: float | None = 0.75,
    **report: Any,
) -> Path:
    """Write a run with these accepted rows, and candidates that fell for a reason. Row n is of the group n % len; those
    for validation are of the groups `held_out`."""

    def scored(number: int, candidate: Candidate, drop: Drop | None = None, groups: Sequence[str] = groups) -> Scored:
        group = groups[number % len(groups)]
        origin = {"document": group, "start": 0, "end": 9}
        worth = Worth(score=0.75, probability=probability, parts={"support": 1.0}, drop=drop)
        return Scored(Source(id=f"s{number}", group=group, inputs={}, origin=origin), candidate, worth)

    for split, candidates, of in (("train", rows, groups), ("validation", validation, held_out)):
        records = [
            row(scored(number, candidate, groups=of), _shared(recipe, teacher), {})
            for number, candidate in enumerate(candidates)
        ]
        _write(folder / "rows" / f"{split}-00000.parquet", records, row_schema(type(rows[0])))
    records = [
        rejected(
            f"r{number}", scored(number, candidate, Drop(step="veto", reason=reason)), _shared(recipe, teacher), {}
        )
        for number, (candidate, reason) in enumerate(fallen)
    ]
    _write(folder / "rejected" / "rejected-00000.parquet", records, REJECTED)
    splits = {"train": len(rows), **({"validation": len(validation)} if validation else {})}
    accepted = sum(splits.values())
    content = {
        "recipe": recipe,
        "content": "c0ffee",
        "rows": accepted,
        "stopped": f"{accepted} rows are accepted",
        "options": {},
        "counts": {
            "accepted": accepted,
            "candidates": accepted + len(fallen),
            "splits": splits,
            "rejected": dict(Counter(reason for _, reason in fallen).most_common()),
        },
        "teachers": {teacher: {"sources": len(rows), "accepted": len(rows), "dollars": 0.0}},
        "threshold": 0.5,
        "calls": 9,
        "input_tokens": 3 * (accepted + len(fallen)),
        "output_tokens": 2 * (accepted + len(fallen)),
        "dollars": 0.0,
        "variety": None,
        "warnings": [],
        "program": "p",
        "compiled_for": ["small"],
        "metric": "m",
        "judges": [],
        "versions": {"seedbed": "0.1.0"},
        "config": {"run": {"shards": None}, "models": {"small": SHELF, "strong": CLOSED}},
    }
    (folder / "run.json").write_text(json.dumps(content | report), encoding="utf-8")
    return folder


def _shared(recipe: str, teacher: str) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "teacher": teacher,
        "judges": [],
        "program": "p",
        "seeds": ["s-1"],
        "attempt": "a",
        "index": 0,
        "position": 0,
        "input_tokens": 3,
        "output_tokens": 2,
        "dollars": None,
        "stood_in": [],
    }


def _write(path: Path, records: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    if records:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(records, schema), path)
