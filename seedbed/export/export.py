"""`seedbed export`: writes rows of finished runs in the format of a trainer."""

import dataclasses
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from programs.core.kinds import Chat, Stepwise
from programs.core.row import Candidate
from seedbed.errors import UserError
from seedbed.export.example import Example, Neutral, View
from seedbed.export.format import Format
from seedbed.export.formats.registry import DEFAULT, format_for
from seedbed.export.lengths import Lengths
from seedbed.export.lines import Lines
from seedbed.export.runs import RunRows, one_kind
from seedbed.export.selection import Selection, chosen_rows, held_out
from seedbed.progress import Progress

RECORD = "export.json"  # marks a folder as an export, which the next one may replace
NAMED = 5  # faulty rows that are named


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """How rows are written.

    Attributes:
        to: the name of the format. view: whether the document stands in the prompt. system: a system message before
        each conversation. neutral: what a neutral step of a solution counts as; None leaves that to the rows. shuffle:
        a seed for the order. tokenizer: the name or path of one that counts what a trainer would cut at `max_tokens`.
        anyway: export rows of models whose output is not stated to be allowed to train others. reviewed: only rows
        that a person called good; those that one called bad are left out in any case.
    """

    to: str = DEFAULT
    view: View = "open"
    system: str = ""
    neutral: Neutral | None = None
    selection: Selection = dataclasses.field(default_factory=Selection)
    shuffle: int | None = None
    tokenizer: str | None = None
    max_tokens: int = 2048
    anyway: bool = False
    reviewed: bool = False


def export_rows(folders: Sequence[Path], out: Path, settings: ExportSettings, progress: Progress) -> dict[str, Any]:
    """Write the rows of these runs into a new folder, whole or not at all; returns export.json's content.

    Raises UserError if a folder holds no finished run, the format does not take its rows, a model's output may not
    train others, or nothing is left to write.
    """
    runs = [RunRows(folder) for folder in folders]
    format = format_for(settings.to, one_kind(runs))
    check_licences(runs, anyway=settings.anyway)
    _check_out(out)
    aside = out.with_name(f".{out.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        record = _write(runs, format, aside, settings, progress)
        (aside / RECORD).write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")
        shutil.rmtree(out, ignore_errors=True)
        aside.rename(out)
    except OSError as error:
        raise UserError(f"Cannot write {out}: {error.strerror}.", hint="Make room, or name another --out.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return record


def _write(
    runs: Sequence[RunRows], format: Format, folder: Path, settings: ExportSettings, progress: Progress
) -> dict[str, Any]:
    kind, lines, left_out = runs[0].kind, Lines(folder), LeftOut()
    lengths = Lengths(settings.tokenizer, settings.max_tokens)
    chosen = chosen_rows(runs, settings.selection)
    with progress.task(f"export to {format.name}", sum(map(len, chosen))) as task:
        try:
            for example in _examples(runs, chosen, format, settings):
                _convert(example, format, settings, lines, left_out, lengths)
                if example.good:
                    task()
        finally:
            lines.close(settings.shuffle)
    if not lines.counts:
        raise UserError(f"No row can be written as {format.name}: {left_out.told()}.", hint="Choose another --to.")
    for name, text in format.files(kind, lines.counts).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    format.finish(folder)
    return {
        "format": format.name,
        "reader": format.reader,
        "note": format.note,
        "warning": _warning(kind, format, lines),
        "runs": {run.name: str(run.report["content"]) for run in runs},
        "lines": lines.counts,
        "repeated": lines.repeated,
        "left_out": dict(left_out.reasons),
        "left_out_ids": left_out.ids,
        "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
        "tokens": lengths.figures(),
    }


def _convert(
    example: Example, format: Format, settings: ExportSettings, lines: Lines, left_out: "LeftOut", lengths: Lengths
) -> None:
    """Write the lines of a row, or count why it has none."""
    unread = settings.reviewed and example.good and not example.called
    fault = "nobody called it good" if unread else example.fault()
    conversion = format.kinds[example.kind]
    of_row = [] if fault else list(conversion.lines(example))
    for line in of_row:
        if lines.add(line, example, conversion.columns):
            lengths.add(line)
    if not of_row:
        left_out.add(example, fault or f"{format.name} has no place for it")


def _warning(kind: type[Candidate], format: Format, lines: Lines) -> str:
    """What is wrong with the whole; empty if nothing is."""
    if format.rejected == "answers" and kind is Chat and not lines.bad:
        return "all answers are good ones, because the run rejected none for its answer: nothing is learned from that"
    return ""


class LeftOut:
    """Rows that are not written, by reason. `ids`: the first few of each reason."""

    def __init__(self) -> None:
        self.reasons, self.ids = Counter[str](), dict[str, list[str]]()

    def add(self, example: Example, reason: str) -> None:
        """Count one."""
        self.reasons[reason] += 1
        if len(ids := self.ids.setdefault(reason, [])) < NAMED:
            ids.append(example.id)

    def told(self) -> str:
        """All reasons with their counts."""
        return ", ".join(f"{reason} ({count})" for reason, count in self.reasons.most_common()) or "none was chosen"


def _examples(
    runs: Sequence[RunRows], chosen: Sequence[set[str]], format: Format, settings: ExportSettings
) -> Iterator[Example]:
    """The rows to write, each in the views that are asked for."""
    held = held_out(runs)
    for run, ids in zip(runs, chosen, strict=True):
        for source in (run.examples(ids), run.rejected(format.rejected)):
            for example in source:
                if example.lineage["group"] in held:
                    example = dataclasses.replace(example, split="validation")
                if settings.neutral and example.kind is Stepwise:
                    example = example.labelled(settings.neutral)
                yield from (_with_system(view, settings.system) for view in example.views(settings.view))


def _with_system(example: Example, text: str) -> Example:
    """The row with a system message before its conversation, if it has one."""
    name = next((name for name in ("messages", "prompt") if isinstance(example.columns.get(name), list)), None)
    if not text or not name:
        return example
    messages = [{"role": "system", "content": text}, *example.columns[name]]
    return dataclasses.replace(example, columns={**example.columns, name: messages})


def check_licences(runs: Sequence[RunRows], *, anyway: bool) -> None:
    """Raises UserError if a model that wrote rows is not stated to be allowed to train others, unless `anyway`."""
    models = sorted({model for run in runs for model in run.may_not_train()})
    if models and not anyway:
        raise UserError(
            f"The output of {', '.join(models)} is not stated to be allowed to train other models.",
            hint="Read the model's licence and set allows_training: of the model for the next run, or add --anyway.",
        )


def _check_out(out: Path) -> None:
    if out.is_file():
        raise UserError(f"--out {out} is a file.", hint="Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise UserError(f"{out} has other files in it.", hint="Name a new folder with --out.")


def export_summary(record: Mapping[str, Any], out: Path) -> str:
    """What was written, what was left out and why, and what to do with it."""
    counts = ", ".join(f"{count:,} {split}" for split, count in record["lines"].items())
    lines = [f"{counts} lines for {record['reader']}"]
    lines += [f"  {record['repeated']} repeated lines left out"] if record["repeated"] else []
    for reason, count in record["left_out"].items():
        lines.append(f"  {count} left out: {reason}, such as {record['left_out_ids'][reason][0]}")
    if tokens := record["tokens"]:
        lines.append(
            f"  tokens a line: median {tokens['median']}, 99% up to {tokens['p99']}; {tokens['cut']} lines are longer "
            f"than {tokens['max_tokens']} and would be cut"
        )
    lines += [f"{word}: {record[word]}" for word in ("note", "warning") if record[word]]
    return "\n".join([*lines, "", f"{out}  ({', '.join(record['files'])})"])
