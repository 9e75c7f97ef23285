"""A run into a folder: what is in it beside the rows, and how it is taken up again."""

import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from metrics.frozen import Frozen, uncalibrated
from metrics.metric import Metric
from optimize import artefact
from programs.program import Program, run_sync
from seedbed.arm import Arm
from seedbed.attempts import Attempts
from seedbed.collector import calm
from seedbed.errors import FELL_SHORT, INTERRUPTED, TeacherDown, UserError, exit_code
from seedbed.figures import unlabelled_line
from seedbed.journal_copy import copy_journal
from seedbed.progress import Progress
from seedbed.project import Project
from seedbed.run_report import REPORT, programs_of, run_report, write_report
from seedbed.running import Run
from seedbed.session import Session
from seedbed.verdicts import open_metric

JOURNAL = "journal.sqlite"


def write_dataset(
    project: Project,
    out: Path,
    *,
    uncompiled: bool,
    progress: Progress,
    replay: Path | None = None,
    waves: Sequence[str] = (),
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run until N rows are accepted or a limit is met; (run.json's content, the best rows).

    An interrupt or a failing model still leaves the rows accepted so far, whole and loadable, before it goes on.
    With `replay`, a run's folder, no model is asked: rows are made again from the calls in its journal alone.
    `waves` settle, as WAVE=JOB or WAVE=none, batches of which it is not known whether they were sent.
    """
    _check_folder(project, out)
    if replay and replay != out:
        copy_journal(replay / JOURNAL, out / JOURNAL)
    started = time.monotonic()
    for line in project.said_of_sources():
        progress.say(line)
    session = Session(
        project, out / JOURNAL, history=False, say=progress.say, caps=project.config.run, offline=replay is not None
    )
    with session:
        for wave in waves:
            session.settle(wave)
        arms, metric = open_arms(session, uncompiled=uncompiled, say=progress.say)
        _check_program(out, programs_of(arms))
        project.keep_sides(progress.say)
        run = Run(session, arms, metric, out, progress, _makes(project, out, progress, replay))
        stopped, code = "an error ended it", FELL_SHORT
        try:
            with calm():
                stopped = run_sync(run.work())
            code = int(run.accepted < run.goal)
        except KeyboardInterrupt:
            stopped, code = "interrupted", INTERRUPTED
        except TeacherDown as error:
            stopped, code = f"a model failed: {error}", exit_code(error)
            raise
        except Exception as error:
            code = exit_code(error)
            raise
        finally:
            ours = run.finish()
            report = run_report(session, run, stopped, code, time.monotonic() - started)
            if replay:  # which opens no model
                report["embedded"] = (_previous(replay) or {}).get("embedded", {})
            if ours:
                write_report(out, report)
            else:
                progress.say(f"{out} keeps the rows of an earlier sitting, which are more than these {run.accepted}")
    return report, run.samples


def open_arms(session: Session, *, uncompiled: bool, say: Callable[[str], None]) -> tuple[list[Arm], Metric]:
    """The programs of a run, one a teacher of the cascade, and its metric, which is the first one's.

    Says which programs they are, and why where the compile's own figures had the uncompiled one ship. Raises
    UserError where there is no compiled program, or one made for something else.
    """
    project, opened = session.project, list[tuple[str, Program, list[str], float | None]]()
    frozen: Frozen | None = open_metric(project) if project.config.metric else None
    for alias in project.config.roles.cascade:
        named = "program" if len(project.config.roles.cascade) == 1 else f"program of {alias}"
        if uncompiled:
            say(f"{named}: uncompiled, as asked for")
            opened.append((alias, project.recipe.program(), [], None))
            continue
        of_alias = Project(project.config.swap(alias), project.base)
        found = _load(of_alias, session.models.lm(alias).async_engine.identity)
        if held := project.held_of(found.manifest.open_groups):
            raise UserError(
                f"{held[0]} is held out now, and the {named} was compiled when it was not.",
                hint=project.way_back("compile"),
            )
        ships, frozen = found.manifest.ships, frozen or found.frozen
        seeds = found.manifest.seeds["train"] if ships == "compiled" else []
        measured = found.manifest.acceptance if found.manifest.metric == frozen.hash else None
        opened.append((alias, found.shipped, seeds, measured))
        say(f"{named}: {ships}" + ("" if ships == "compiled" else f" ({found.manifest.why})"))
    gates = project.config.gates
    if frozen is None:
        say(unlabelled_line(project.config.embedder, documents=project.recipe.takes == "documents"))
        frozen = uncalibrated(session.judges(), project.config.embedder, gates.cross_encoder)
    metric = session.metric(frozen)
    for _, program, *_ in opened:
        metric = metric.showing(program)
    carried = {
        "recipe": project.recipe.name,
        "judges": [judge.aspect for judge in metric.judges],
        "metric": frozen.hash,
    }
    return [
        Arm(
            alias,
            program,
            carried | {"teacher": alias, "program": artefact.state_hash(program), "seeds": seeds},
            acceptance,
        )
        for alias, program, seeds, acceptance in opened
    ], metric


def _makes(project: Project, out: Path, progress: Progress, replay: Path | None) -> Any:
    """What makes the attempts: this process or workers. A replay, which asks no model, needs none."""
    if project.config.run.engine == "local" or replay:
        return Attempts
    from seedbed.cluster import RemoteAttempts

    return functools.partial(RemoteAttempts, folder=out.resolve() / "workers", say=progress.say)


def load_artefact(session: Session) -> artefact.Artefact:
    """What was compiled for the project's teacher. Raises UserError where there is none that fits."""
    return _load(session.project, session.identity("teacher"))


def peek_artefact(project: Project) -> artefact.Artefact:
    """The same to be looked at and not run: whatever model stands behind the teacher's alias now, none is opened."""
    return _load(project, None)


def _load(project: Project, identity: str | None) -> artefact.Artefact:
    path = project.compiled_path()
    try:
        return artefact.load(project.recipe, path, teacher=project.config.teacher, identity=identity)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no compiled program for {project.recipe.name} with {project.config.teacher}.",
            hint="seedbed compile makes one; --uncompiled does without.",
        ) from error
    except (artefact.Mismatch, ValueError) as error:
        raise UserError(f"{error}.", hint="seedbed compile makes a new one; --uncompiled does without.") from error


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
    """The report of the run a folder holds, if it holds one."""
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


def _check_program(out: Path, program: str) -> None:
    report = _previous(out)
    if report and report["counts"]["accepted"] and report["program"] != program:
        raise UserError(
            f"{out} holds rows of another program than the one compiled now.", hint="Name another folder with --out."
        )
