"""Pairs into a folder: a dataset of preference rows, with run.json and a card as a run has them."""

import contextlib
import heapq
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from programs.core.background import run_sync
from programs.core.row import digest
from programs.judges.judge import Pairwise
from seedbed.errors import UserError
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.commit import SHOWN
from seedbed.runs.ending import Ending
from seedbed.runs.pairs.answers import Answer, answers_by_prompt
from seedbed.runs.pairs.finished import FinishedRun, finished_run
from seedbed.runs.pairs.job import PairJob
from seedbed.runs.pairs.report import pairs_body, pairs_report
from seedbed.runs.pairs.rows import PairRows
from seedbed.runs.pairs.sampling import Sampler
from seedbed.runs.record.report import write_report
from seedbed.runs.rows import PAIRS
from seedbed.sources.finding import JOURNAL
from seedbed.storage.run_reader import read_report


class PairSettings(NamedTuple):
    """`samples`: new answers for a row without a worse one; 0: none. `margin`: as in `best_pair`. `judged`: whether the
    judge decides on each pair."""

    samples: int = 2
    margin: float = 0.2
    judged: bool = True


def write_pairs(
    project: Project, folder: Path, out: Path, settings: PairSettings, progress: Progress
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Make pairs from the run in `folder`; returns (run.json's content, the pairs with the greatest margins).

    The pairs made so far are written before an error is raised, and every reply is kept in the journal of `out`, so the
    same call goes on from there. Raises UserError for what a person can fix.
    """
    run = finished_run(folder, project)
    _check_out(out, run)
    prompts = answers_by_prompt(folder, project)
    settings = _possible(run, prompts, settings, progress.say)
    started = time.monotonic()
    with _session(run, out, settings, progress.say) as session:
        sampler = _sampler(run, session, settings, progress.say)
        setup = digest(PAIRS, *run.program_and_metric, *settings, session.identity("judge"))
        rows = PairRows(session, out, setup)
        with progress.task("prompts", len(prompts)) as heard:
            job = PairJob(session, prompts, settings.margin, sampler, Pairwise() if settings.judged else None, heard)
            ending = Ending()
            try:
                ending.work(job)
            finally:
                samples = run_sync(_write(rows, job))
                is_current = rows.shards.finish(complete=job.complete)
                report = pairs_report(session, run, job, rows, settings._asdict(), ending) | {
                    "setup": setup,
                    "seconds": round(time.monotonic() - started, 2),
                }
                if is_current:
                    write_report(out, report, pairs_body)
                else:
                    progress.say(f"{out} keeps the pairs of an earlier invocation, which are more than these")
    return report, samples


async def _write(rows: PairRows, job: PairJob) -> list[dict[str, Any]]:
    """Write what is done; returns the pairs with the greatest margins."""
    written = [row for tried in job.tried() if (row := await rows.add(tried))]
    return heapq.nlargest(SHOWN, written, key=itemgetter("margin"))


def _session(run: FinishedRun, out: Path, settings: PairSettings, say: Callable[[str], None]) -> Session:
    """A session with a journal in `out`; one that only reads the run asks no model."""
    config = run.project.config
    asks = settings.judged or settings.samples > 0
    return Session(run.project, out / JOURNAL, history=False, say=say, caps=config.run, offline=not asks)


def _possible(
    run: FinishedRun, prompts: Sequence[Sequence[Answer]], settings: PairSettings, say: Callable[[str], None]
) -> PairSettings:
    """The settings without samples if the recipe has no step to ask again. Raises UserError if then there is nothing
    that an accepted answer could be paired with."""
    step, recipe = run.project.recipe.round_trip, run.project.recipe.name
    if settings.samples and not step:
        say(f"{recipe} has no step that can be asked again, so only answers of the run are paired")
        settings = settings._replace(samples=0)
    if not settings.judged:
        say("no judge is asked: the scores alone decide which answer is the better one")
    if not settings.samples and all(len(answers) == 1 for answers in prompts):
        raise UserError(
            f"No prompt of {run.folder} has two answers, and no answer is sampled.",
            hint=f"Ask for samples (--samples 2){'' if step else ', which needs a recipe that answers twice'}.",
        )
    return settings


def _sampler(run: FinishedRun, session: Session, settings: PairSettings, say: Callable[[str], None]) -> Sampler | None:
    step = run.project.recipe.round_trip
    return Sampler(session, *run.reopened(session, say), step, settings.samples) if settings.samples and step else None


def _check_out(out: Path, run: FinishedRun) -> None:
    """Raises UserError if the folder is a file, or holds anything but pairs of this run."""
    new = "Name another folder with --out."
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file.", hint=new)
    report: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        report = read_report(out)
    if report and report.get("pairs", {}).get("content") != run.report.get("content"):
        raise UserError(f"{out} holds something else than pairs of {run.folder} as it is now.", hint=new)
    if not report and out.is_dir() and not (out / JOURNAL).exists() and any(out.iterdir()):
        raise UserError(f"{out} has other files in it.", hint=new)
