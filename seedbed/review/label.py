"""Asks people for verdicts on rows in the terminal, and writes them where compile reads them."""

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from metrics.calibration.verdicts import LabelledCase, verdict_id, verdict_line
from optimize.seeds import BadLines, read_lines
from programs.core.kinds import Preference
from programs.core.row import Candidate, digest
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


@dataclasses.dataclass(frozen=True)
class Asked:
    """A row to ask about. `case`: the verdict without its answer. `rejected`: the worse answer of a pair."""

    case: LabelledCase
    rejected: str = ""

    @property
    def sides(self) -> tuple[str, str]:
        """Both answers of a pair, in an order that does not tell which one was chosen."""
        answers = self.case.answer, self.rejected
        return answers if int(digest(self.case.id, "side"), 16) % 2 else answers[::-1]

    @property
    def keys(self) -> tuple[str, str]:
        """What a person types: that the row is good, that it is not."""
        if not self.rejected:
            return "y", "n"
        place = self.sides.index(self.case.answer)
        return "12"[place], "12"[1 - place]


def rows_to_label(folder: Path, verdicts: Path) -> list[Asked]:
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
    rows_asked = [_asked(candidate, row["lineage"]) for row, candidate in rows]
    done = _done(verdicts)
    return [asked for asked in {asked.case.id: asked for asked in rows_asked}.values() if asked.case.id not in done]


def ask(asked: Asked, to: Path, number: str) -> bool:
    """Show one row and ask for its verdict; True when one was written. `q` ends the command. Of a pair the better
    answer is asked for: the row is good if that is the chosen one."""
    case, (good, bad) = asked.case, asked.keys
    answers = (
        "\n  ".join(f"{n}: {text}" for n, text in enumerate(asked.sides, 1)) if asked.rejected else f"A: {case.answer}"
    )
    print(readable(f"\n{number} {case.group}\n{case.document}\n\n  Q: {case.question}\n  {answers}"))
    question = "the better answer? 1/2/s/q" if asked.rejected else "good row? y/n/s/q"
    answer = ""
    while answer not in (good, bad, "s", "q"):
        answer = typer.prompt(question).strip().lower()[:1]
    if answer == "q":
        raise typer.Exit(0)
    if answer == "s":
        return False
    reason = typer.prompt("why", default="", show_default=False)
    _append(case.model_copy(update={"label": float(answer == good), "reason": reason}), to)
    return True


def _append(verdict: LabelledCase, to: Path) -> None:
    is_open = to.is_file() and to.stat().st_size > 0 and not to.read_bytes().endswith(b"\n")  # ends within a line
    with to.open("a", encoding="utf-8") as file:
        file.write("\n" * is_open + verdict.model_dump_json() + "\n")


def _asked(candidate: Candidate, lineage: Mapping[str, Any]) -> Asked:
    case = LabelledCase(
        id=verdict_id(candidate),
        document=candidate.document or "",
        question=candidate.prompt,
        answer=candidate.response,
        label=0,
        group=lineage["spans"][0]["document"] if lineage["spans"] else lineage["group"],
        teacher=lineage["teacher"],
    )
    return Asked(case, candidate.rejected_answer if isinstance(candidate, Preference) else "")


def _disagreement(row: dict[str, Any]) -> float:
    return statistics.pstdev(part["score"] for part in row["scores"]) if row["scores"] else 0.0


def _done(verdicts: Path) -> set[str]:
    if not verdicts.is_file():
        return set()
    try:
        return {case.id for case in read_lines(verdicts, verdict_line)}
    except BadLines as error:
        raise UserError("\n  ".join([str(error), *error.problems]), hint="Fix these lines first.") from error
