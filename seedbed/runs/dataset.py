"""A run into a folder: the files besides the rows, and how the run is resumed."""

import datetime
import functools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from seedbed.compiling.programs import open_cascade
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.errors import UserError
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.attempt import Attempts
from seedbed.runs.ending import Ending
from seedbed.runs.record.report import REPORT, programs_of, run_report, write_records, write_report
from seedbed.runs.run import Run
from seedbed.sources.finding import JOURNAL
from seedbed.storage.journal_copy import copy_journal


def write_dataset(
    project: Project,
    out: Path,
    *,
    uncompiled: bool,
    progress: Progress,
    replay: Path | None = None,
    waves: Sequence[str] = (),
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run until N rows are accepted or a limit is met; returns (run.json's content, the best rows).

    After an interrupt or a model failure the rows accepted so far are written, complete and loadable, before the error
    is raised. With `replay`, a run's folder, no model is asked: rows are rebuilt from the calls in its journal.
    `waves` (WAVE=JOB or WAVE=none) settles batches that may or may not have been sent.
    """
    _check_folder(project, out)
    if replay and replay != out:
        copy_journal(replay / JOURNAL, out / JOURNAL)
    started, began = time.monotonic(), datetime.datetime.now(datetime.UTC)
    for line in project.inputs.said_of_sources():
        progress.say(line)
    session = Session(
        project, out / JOURNAL, history=False, say=progress.say, caps=project.config.run, offline=replay is not None
    )
    with session:
        for wave in waves:
            session.settle(wave)
        cascade, metric = open_cascade(session, uncompiled=uncompiled, say=progress.say)
        _check_makers(out, cascade)
        project.keep_sides(progress.say)
        run = Run(session, cascade, metric, out, progress, _attempts_factory(project, out, progress, replay))
        ending = Ending()
        try:
            ending.work(run)
        finally:
            is_current, seconds = run.finish(), time.monotonic() - started
            report = run_report(session, run, out, ending.stopped, ending.code, seconds)
            report["invocations"] = [
                *(_previous(out) or {}).get("invocations", []),
                _invocation(session, report, began),
            ]
            if replay:  # a replay opens no model
                report["embedded"] = (_previous(replay) or {}).get("embedded", {})
            if is_current:
                write_report(out, report)
                write_records(session, run, out)
            else:
                rows = run.commit.counts.accepted
                progress.say(f"{out} keeps the rows of an earlier invocation, which are more than these {rows}")
    return report, run.commit.samples


def _invocation(session: Session, report: dict[str, Any], began: datetime.datetime) -> dict[str, Any]:
    """What this invocation did: the calls that were paid, and the rows that the folder then held."""
    tallies = session.journal.tallies.values()
    return {
        "started": began.isoformat(timespec="seconds"),
        "seconds": report["seconds"],
        "calls": sum(tally.calls - tally.replayed for tally in tallies),
        "accepted": report["counts"]["accepted"],
    }


def _attempts_factory(project: Project, out: Path, progress: Progress, replay: Path | None) -> Any:
    """Creates the attempts: in this process or by workers. A replay asks no model and needs no workers."""
    if project.config.run.engine == "local" or replay:
        return Attempts
    from seedbed.runs.ray.driver import RemoteAttempts

    return functools.partial(RemoteAttempts, folder=out.resolve() / "workers", say=progress.say)


def _check_folder(project: Project, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file.", hint="Name a folder.")
    if report := _previous(out):
        if report["recipe"] != project.recipe.name:
            raise UserError(f"{out} holds a run of {report['recipe']}.", hint="Name another folder with --out.")
        if report["counts"]["accepted"] > project.config.run.rows:
            raise UserError(
                f"{out} holds {report['counts']['accepted']} rows already, more than were asked for.",
                hint="Ask for more rows, or name another folder with --out.",
            )
    elif out.is_dir() and not (out / JOURNAL).exists() and any(path.suffix != ".part" for path in out.iterdir()):
        raise UserError(f"{out} has other files in it.", hint="Name a new folder with --out.")


def _previous(out: Path) -> dict[str, Any] | None:
    """The report of the run in a folder, if there is one."""
    path = out / REPORT
    if not path.is_file():
        return None
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report if {"recipe", "program", "counts"} <= report.keys() else _broken(path)
    except (ValueError, AttributeError):
        return _broken(path)


def _broken(path: Path) -> NoReturn:
    raise UserError(
        f"{path} is damaged.", hint="Remove it and run the same command again: the journal has all that is in it."
    )


def _check_makers(out: Path, cascade: Sequence[TeacherProgram]) -> None:
    """Raises UserError if the folder holds rows of another program or of other teachers, which would be replaced."""
    report, hint = _previous(out), "Name another folder with --out."
    if not report or not report["counts"]["accepted"]:
        return
    if report["program"] != programs_of(cascade):
        raise UserError(f"{out} holds rows of another program than the one compiled now.", hint=hint)
    before, now = (", ".join(teachers) for teachers in (report["teachers"], [member.teacher for member in cascade]))
    if before != now:
        raise UserError(f"{out} holds rows of {before}, and this run asks {now}.", hint=hint)
