"""The report of a run: run.json, and the card beside it."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from programs.core.background import run_sync
from programs.core.whole import write_whole
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.record.card import Body, write_card
from seedbed.runs.record.coverage import write_sources
from seedbed.runs.record.downstream import downstream
from seedbed.runs.record.made_with import keep_programs
from seedbed.runs.record.vector_map import write_map
from seedbed.runs.run import Run
from seedbed.storage.spending import Spending
from seedbed.versions import versions

REPORT = "run.json"


def run_report(session: Session, run: Run, out: Path, stopped: str, code: int, seconds: float) -> dict[str, Any]:
    """run.json's content. `out`: the run's folder. `stopped`: why the run ended. `code`: the exit code. `seconds`: the
    run's duration."""
    project, commit, counts = session.project, run.commit, run.commit.counts
    sources = project.inputs.source_set
    return {
        "recipe": project.recipe.name,
        "options": project.options.model_dump(mode="json"),
        "rows": run.goal,
        "stopped": stopped,
        "exit_code": code,
        "content": commit.content,
        "counts": {
            "accepted": counts.accepted,
            "candidates": counts.candidates,
            "splits": commit.shards.splits,
            "rejected": dict(counts.reasons.most_common()),
            "words": counts.words,
            "unscored": dict(counts.unscored),
            "documents": sources.documents,
            "sources": len(sources.sources),
            "skipped": sources.skipped.report(),
            "notes": sources.notes.report(),
        },
        **session_report(session),
        "teachers": {alias: dataclasses.asdict(record) for alias, record in counts.teachers.items()},
        "stood_in": dict(counts.stood_in),
        "variety": _variety(session, run) if run.complete else None,  # after an interrupt it would take too long
        "extrinsic": _extrinsic(session, out) if run.complete else None,
        "pairs": commit.pairs.model_dump(),
        "seconds": round(seconds, 2),
        "warnings": [*licence_warnings(project), *_undivided(project, run)],
        "program": programs_of(run.cascade),
        "compiled_for": [member.compiled_for for member in run.cascade],
        "metric": run.cascade[0].carried["metric"],
        "threshold": _threshold(project, run),
        "setup": run.setup,
        "judges": run.cascade[0].carried["judges"],
    }


def session_report(session: Session) -> dict[str, Any]:
    """The part of run.json on what was paid, and with which config, versions and models."""
    totals = session.journal.totals()
    tallies = totals.values()
    return {
        "calls": sum(tally.calls for tally in tallies),
        "replayed": sum(tally.replayed for tally in session.journal.tallies.values()),
        "input_tokens": sum(tally.input_tokens for tally in tallies),
        "output_tokens": sum(tally.output_tokens for tally in tallies),
        "dollars": session.cost(totals),
        "models": {
            alias: dataclasses.asdict(tally) | {"dollars": session.cost({alias: tally})}
            for alias, tally in totals.items()
        },
        "ledger": {alias: dataclasses.asdict(spent) for alias, spent in _spent(session).items()},
        "config": _public(session.project.config),
        "versions": versions(),
        "embedded": session.embedded(),
    }


def write_report(out: Path, report: dict[str, Any], body: Body | None = None) -> None:
    """Write run.json and the card (`body`: as in `write_card`), each atomically. Raises UserError if they cannot be
    written."""
    with _told(out):
        write_whole(
            out / REPORT,
            lambda aside: aside.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8"),
        )
        write_card(out, report, body)


def write_records(session: Session, run: Run, out: Path) -> None:
    """Write what else shows the run without its project: its programs with the metric, what came of each source and,
    unless it was interrupted, the map of its rows. Reads run.json. Raises UserError if something cannot be written."""
    with _told(out):
        keep_programs(run.cascade, out)
        write_sources(session.project.inputs.sources, out, session.project.validates)
        if run.complete:
            with run.progress.task("map of the rows", 1):
                write_map(session.project, session.embed, out)


@contextlib.contextmanager
def _told(out: Path) -> Iterator[None]:
    """Tell a person which folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write {out}: {error.strerror}.",
            hint="Make room and run the same command again; finished calls are kept.",
        ) from error


def programs_of(cascade: Sequence[TeacherProgram]) -> str:
    """The hashes of the programs that make a dataset's rows."""
    return " ".join(str(member.carried["program"]) for member in cascade)


def _spent(session: Session) -> dict[str, Spending]:
    """The ledger's totals of this run's calls, including those without a reply."""
    return run_sync(session.ledger.totals(session.ledger.account))


def _threshold(project: Project, run: Run) -> float:
    """The lowest score of an accepted row, in [0, 1]: the config's, or the fitted metric's."""
    bar = project.bars.threshold
    return run.cascade[0].frozen.fitted.threshold if bar is None else bar


def _variety(session: Session, run: Run) -> dict[str, Any] | None:
    with run.progress.task("variety of the rows", 1):
        measured = run.commit.sample.variety(session.embed)
    return measured.model_dump() if measured else None


def _extrinsic(session: Session, out: Path) -> dict[str, Any] | None:
    figures = downstream(session, out)
    return figures.model_dump() if figures else None


def _public(config: Config) -> dict[str, Any]:
    """The config without secrets: only the keys of `extra`, which goes to the server as it is, and only the host and
    port of an address, because its path may hold a key. How documents were cut stands there whoever set it."""
    dumped, form = config.model_dump(mode="json"), config.passages
    dumped["sources"] |= {"chunk_tokens": form.tokens, "headings": form.headings}
    for entry in dumped["models"].values():
        entry["extra"] = sorted(entry["extra"])
        if address := entry["api_base"]:
            entry["api_base"] = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    return dumped


def licence_warnings(project: Project) -> list[str]:
    """A warning for each model whose output may perhaps not train other models."""
    config, warnings = project.config, list[str]()
    writers = [alias for role, alias in config.roles.bound() if role not in ("judge", "reflection")]
    for alias in dict.fromkeys(filter(None, [*writers, config.fallback.teacher])):
        entry = config.models[alias]
        if not entry.may_train:
            state = "may not" if entry.may_train is False else "is not stated to be allowed to"
            model = f"{alias} ({entry.model})"
            warnings.append(f"the output of {model} {state} train other models; see its key allows_training")
    return warnings


def _undivided(project: Project, run: Run) -> list[str]:
    """A warning with the reason if no rows are held out."""
    if project.divides and not run.commit.shards.undivided:
        return []
    groups = project.inputs.kind.groups
    one = f"one {groups.removesuffix('s')} cannot be parted"
    why = f"all rows are of {groups} that would be held out" if project.divides else one
    return [f"nothing is held out for validation: {why}"] if run.commit.counts.accepted else []
