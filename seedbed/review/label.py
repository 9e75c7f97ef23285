"""Asks people for verdicts on rows in the terminal, and writes them where compile reads them."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from metrics.calibration.verdicts import LabelledCase, verdict_id, verdict_line
from optimize.seeds import BadLines, read_lines
from programs.core.row import Candidate
from seedbed.config.load import load_config
from seedbed.errors import UserError
from seedbed.runs.record.report import REPORT
from seedbed.runs.rows import candidate_of
from seedbed.storage.run_reader import shards_of
from seedbed.terminal import readable


def verdicts_file(config: Path) -> Path:
    """The path of the project's verdicts file, the first that is no glob; it may not be there yet."""
    files = [name for name in load_config(config).verdicts if "*" not in name]
    return config.parent / [*files, "verdicts.jsonl"][0]


def rows_to_label(folder: Path, verdicts: Path) -> list[LabelledCase]:
    """The rows of a run that have no verdict yet, accepted or rejected with scores; most disagreement first. Raises
    UserError where there is no run, or where an older Seedbed wrote its rows."""
    if not (folder / REPORT).is_file():
        raise UserError(f"{folder} holds no run.", hint="seedbed run --out DIR makes one.")
    rows = [
        (row, candidate_of(row, accepted=part == "rows"))
        for part in ("rows", "rejected")
        for shard in shards_of(folder, part)
        for row in shard.rows()
        if part == "rows" or row["scores"]
    ]
    rows.sort(key=lambda pair: _disagreement(pair[0]), reverse=True)
    cases = [_case(candidate, row["lineage"]) for row, candidate in rows]
    done = _done(verdicts)
    return [case for case in {case.id: case for case in cases}.values() if case.id not in done]


def ask(case: LabelledCase, to: Path, number: str) -> bool:
    """Show one row and ask for its verdict; True when one was written. `q` ends the command."""
    print(readable(f"\n{number} {case.group}\n{case.document}\n\n  Q: {case.question}\n  A: {case.answer}"))
    answer = ""
    while answer not in ("y", "n", "s", "q"):
        answer = typer.prompt("good row? y/n/s/q").strip().lower()[:1]
    if answer == "q":
        raise typer.Exit(0)
    if answer == "s":
        return False
    reason = typer.prompt("why", default="", show_default=False)
    verdict = case.model_copy(update={"label": float(answer == "y"), "reason": reason})
    is_open = to.is_file() and to.stat().st_size > 0 and not to.read_bytes().endswith(b"\n")  # ends within a line
    with to.open("a", encoding="utf-8") as file:
        file.write("\n" * is_open + verdict.model_dump_json() + "\n")
    return True


def _case(candidate: Candidate, lineage: Mapping[str, Any]) -> LabelledCase:
    return LabelledCase(
        id=verdict_id(candidate),
        document=candidate.document or "",
        question=candidate.prompt,
        answer=candidate.response,
        label=0,
        group=lineage["spans"][0]["document"] if lineage["spans"] else lineage["group"],
        teacher=lineage["teacher"],
    )


def _disagreement(row: dict[str, Any]) -> float:
    return statistics.pstdev(part["score"] for part in row["scores"]) if row["scores"] else 0.0


def _done(verdicts: Path) -> set[str]:
    if not verdicts.is_file():
        return set()
    try:
        return {case.id for case in read_lines(verdicts, verdict_line)}
    except BadLines as error:
        raise UserError("\n  ".join([str(error), *error.problems]), hint="Fix these lines first.") from error
