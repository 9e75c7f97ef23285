"""`seedbed export`: writes rows of finished runs in the format of a trainer."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from programs.core.kinds import Chat, Preference, Prompt, Stepwise
from programs.core.row import Candidate
from seedbed.errors import UserError
from seedbed.export.example import Example, Neutral, View
from seedbed.export.folder import RECORD, replacing
from seedbed.export.format import Format, Rejected
from seedbed.export.formats.registry import DEFAULT, format_for
from seedbed.export.lengths import Lengths
from seedbed.export.lines import Lines
from seedbed.export.runs import FinishedRun, one_kind
from seedbed.export.selection import Selection, chosen_rows, held_out
from seedbed.progress import Progress

NAMED = 5  # rows that are left out and named
CALLED_BAD, NO_VIEW = "a person called it bad", "it has no view without its document"
_HINT = "Look at --to, --view, --rows and --system."
_ALL_HELD_OUT = "Export the runs one by one: what one of them holds out is held out in all."


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """How rows are written.

    Attributes:
        to: the name of the format. view: whether the document stands in the prompt. system: a system message before
        each conversation. neutral: what a neutral step of a solution counts as; None leaves that to the rows. shuffle:
        a seed for the order. tokenizer: the name or path of one that counts what a trainer would cut at `max_tokens`.
        anyway: export rows of models whose output is not stated to be allowed to train others.
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


def export_rows(folders: Sequence[Path], out: Path, settings: ExportSettings, progress: Progress) -> dict[str, Any]:
    """Write the rows of these runs into a new folder, whole or not at all; returns export.json's content.

    Raises UserError if a folder holds no finished run, the format does not take its rows, a model's output may not
    train others, or nothing is left to write.
    """
    with replacing(out) as aside:
        runs = [FinishedRun(folder) for folder in folders]
        kind = one_kind(runs)
        format = format_for(settings.to, kind)
        check_options(settings, kind)
        check_licences(runs, format.rejected, anyway=settings.anyway)
        record = _write(runs, format, aside, settings, progress)
        (aside / RECORD).write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")
    return record


def _write(
    runs: Sequence[FinishedRun], format: Format, folder: Path, settings: ExportSettings, progress: Progress
) -> dict[str, Any]:
    kind, lines, left_out = runs[0].kind, Lines(folder), LeftOut()
    lengths = Lengths(settings.tokenizer, settings.max_tokens)
    chosen = chosen_rows(runs, settings.selection)
    with progress.task(f"export to {format.name}", sum(map(len, chosen))) as task:
        try:
            for example in _examples(runs, chosen, format, settings, left_out):
                _convert(example, format, settings, lines, left_out, lengths)
                if example.good:
                    task()
        finally:
            lines.close(settings.shuffle)
    if not lines.counts:
        raise UserError(f"No row can be written as {format.name}: {left_out.told()}.", hint=_HINT)
    if "train" not in lines.counts:
        raise UserError("Every line would be for validation, and none for training.", hint=_ALL_HELD_OUT)
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
        "left_out": {reason: len(ids) for reason, ids in left_out.ids.items()},
        "left_out_ids": {reason: list(ids)[:NAMED] for reason, ids in left_out.ids.items()},
        "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
        "tokens": lengths.figures(),
    }


def _convert(
    example: Example, format: Format, settings: ExportSettings, lines: Lines, left_out: "LeftOut", lengths: Lengths
) -> None:
    """Write the lines of a row, or count why it has none."""
    fault, conversion = example.fault(), format.kinds[example.kind]
    of_row = [] if fault else list(conversion.lines(example))
    for line in of_row:
        if lines.add(line, example, conversion.columns):
            lengths.add(line)
    if not of_row:
        left_out.add(example.id, fault or f"{format.name} has no place for it")


def _warning(kind: type[Candidate], format: Format, lines: Lines) -> str:
    """What is wrong with the whole; empty if nothing is."""
    if format.rejected == "answers" and kind is Chat and not lines.bad:
        return "all answers are good ones, because the run rejected none for its answer: nothing is learned from that"
    return ""


class LeftOut:
    """Rows that are not written: the ids by reason."""

    def __init__(self) -> None:
        self.ids = dict[str, dict[str, None]]()

    def add(self, id: str, reason: str) -> None:
        """Count a row once for a reason."""
        self.ids.setdefault(reason, {})[id] = None

    def told(self) -> str:
        """All reasons with their counts."""
        counts = sorted(self.ids.items(), key=lambda item: -len(item[1]))
        return ", ".join(f"{reason} ({len(ids)})" for reason, ids in counts) or "none was chosen"


def _examples(
    runs: Sequence[FinishedRun], chosen: Sequence[set[str]], format: Format, settings: ExportSettings, left_out: LeftOut
) -> Iterator[Example]:
    """The rows to write, each in the views that are asked for."""
    held, which = held_out(runs), format.rejected
    for run, ids in zip(runs, chosen, strict=True):
        for id in (id for id, is_good in run.called.items() if not is_good):
            left_out.add(id, CALLED_BAD)
        for example in itertools.chain(run.examples(ids), run.rejected(which)):
            if doubt := _doubt(example, which, reviewed=settings.selection.reviewed):
                left_out.add(example.id, doubt)
                continue
            if example.lineage["group"] in held:
                example = dataclasses.replace(example, split="validation")
            if settings.neutral:
                example = example.labelled(settings.neutral)
            shown = list(example.views(settings.view))
            if not shown:
                left_out.add(example.id, NO_VIEW)
            yield from (view.instructed(settings.system.strip()) for view in shown)


def _doubt(example: Example, which: Rejected, *, reviewed: bool) -> str | None:
    """Why a rejected candidate is no bad example; None if it is one, or an accepted row."""
    if example.good or which == "all":
        return None
    if example.called:
        return "it was rejected, and a person called it good"
    return "it was rejected, and nobody called it bad" if reviewed and example.called is None else None


def check_options(settings: ExportSettings, kind: type[Candidate]) -> None:
    """Raises UserError for an option that says nothing of rows of this kind."""
    useless = {
        "--system": settings.system.strip() and kind not in (Chat, Prompt, Preference),
        "--view": settings.view != "open" and kind is not Chat,
        "--neutral": settings.neutral and kind is not Stepwise,
    }
    for option in (option for option, is_useless in useless.items() if is_useless):
        raise UserError(f"{option} says nothing of {kind.__name__} rows, which these are.", hint="Leave it out.")


def check_licences(runs: Sequence[FinishedRun], rejected: Rejected = "none", *, anyway: bool) -> None:
    """Raises UserError if a model that wrote rows, or rejected candidates that are written too, is not stated to be
    allowed to train others, unless `anyway`."""
    models = sorted({model for run in runs for model in run.may_not_train(rejected)})
    if models and not anyway:
        raise UserError(
            f"The output of {', '.join(models)} is not stated to be allowed to train other models.",
            hint="Read the model's licence and set allows_training: of the model for the next run, or add --anyway.",
        )


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
