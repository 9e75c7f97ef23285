"""What N accepted rows will cost, from a pilot: a few sources through the program and the full gate."""

import asyncio
import dataclasses
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from programs.core.program import run_sync, together
from seedbed.compiling.programs import open_cascade
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.models.prices import price
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.attempt import Attempts
from seedbed.runs.forecast import Bill, Model, Range, Trial, Used, acceptance, bill, needed, total
from seedbed.runs.futility import most_empty
from seedbed.runs.outcome import Outcome
from seedbed.storage.run_reader import Records

SETUP = "pilot"  # the name that its outcomes have in the journal


def estimate_rows(project: Project, rows: int, n: int, *, uncompiled: bool, progress: Progress) -> dict[str, Any]:
    """Calls, tokens, dollars and hours for `rows` accepted rows, from the first n sources of the feed.

    Calls that were made before are replayed from the project's journal. Raises UserError where there are no sources,
    or where all of them failed; BudgetReached where a cap leaves no room for the pilot.
    """
    path = project.journal
    with Session(project, path, say=progress.say) as session:
        outcomes, asked, cascade = _pilot(session, n, uncompiled=uncompiled, progress=progress)
        tallies = dict(session.journal.tallies)
        models = {
            alias: Model(entry, price(entry), session.models.lm(alias).async_engine.concurrency, tally.seconds)
            for alias, tally in tallies.items()
            if (entry := project.config.models[alias])
        }
    trials = _trials(path, outcomes, asked)
    sources = needed(rows, accepted := acceptance(trials))
    bills = {alias: bill(trials, alias, model, sources) for alias, model in models.items()}
    whole = total(trials, bills, models, sources)
    paid = {alias: (tally.paid_input, tally.paid_output) for alias, tally in tallies.items()}
    costs = [cost.dollars(*paid[alias]) if (cost := models[alias].price) else None for alias in models]
    return {
        "rows": rows,
        "pilot": {
            "sources": len(trials),
            "failed": len(outcomes) - len(trials),
            "accepted": sum(trial.passed for trial in trials),
            "calls": sum(tally.calls for tally in tallies.values()),
            "replayed": sum(tally.replayed for tally in tallies.values()),
            "dollars": None if None in costs else sum(cost or 0.0 for cost in costs),
        },
        "accepted_per_source": dataclasses.asdict(accepted),
        "sources": dataclasses.asdict(sources),
        "models": {alias: dataclasses.asdict(one) for alias, one in bills.items()},
        "total": dataclasses.asdict(whole),
        "notes": [*_futility_note(cascade, project.config), *_notes(project, sources, bills, whole)],
    }


def estimate_text(estimate: dict[str, Any]) -> str:
    """The estimate for the terminal."""
    pilot, likely = estimate["pilot"], estimate["sources"]["likely"]
    cost = "their price is unknown" if pilot["dollars"] is None else f"{_usd(pilot['dollars'])} paid"
    lines = [
        f"pilot: {pilot['accepted']} rows accepted of {pilot['sources']} sources; {pilot['calls']} calls, "
        f"{pilot['replayed']} of them replayed; {cost}",
        "",
        f"for {estimate['rows']:,} accepted rows, with 95% ranges"
        if likely is not None
        else f"no row was accepted; {estimate['rows']:,} of them take at least",
    ]
    bills = estimate["models"] | ({"all": estimate["total"]} if len(estimate["models"]) > 1 else {})
    lines.append(f"  {'sources':<14}{_told(estimate['sources'], _count)}")
    for alias, one in bills.items():
        lines += [
            f"  {alias}",
            f"    {'calls':<12}{_told(one['calls'], _count)}",
            f"    {'tokens in':<12}{_told(one['input_tokens'], _count)}",
            f"    {'tokens out':<12}{_told(one['output_tokens'], _count)}",
            f"    {'dollars':<12}{'unknown' if one['dollars'] is None else _told(one['dollars'], _usd)}",
            f"    {'time':<12}{_told(one['hours'], _time)}",
        ]
    return "\n".join([*lines, "", *(f"note: {note}" for note in estimate["notes"])])


def _pilot(
    session: Session, n: int, *, uncompiled: bool, progress: Progress
) -> tuple[list[Outcome], dict[str, list[str]], list[TeacherProgram]]:
    """What became of the sources, for each outcome's id the keys of its calls, and the cascade of the run.

    No more sources are at work than calls may be in flight, so that hardly a call waits for its turn: how long calls
    take is what the time of a run is told from.
    """
    feed = session.project.feed()
    sources = [source for position in range(n) if (source := feed.take(position))]
    if not sources:
        raise UserError("There is no source to try.", hint="Name documents under sources: in seedbed.yaml.")
    cascade, metric = open_cascade(session, uncompiled=uncompiled, say=progress.say)
    attempts = Attempts(session, cascade, metric, SETUP)
    slots = asyncio.Semaphore(session.lm("teacher").async_engine.concurrency)

    async def one(position: int) -> Outcome:
        async with slots:
            outcome = await attempts.make(position, sources[position])
        step()
        return outcome

    with progress.task("sources", len(sources)) as step:
        outcomes = run_sync(together(map(one, range(len(sources)))))
    kept = {one.id: session.journal.outcome(SETUP, one.id) for one in outcomes if not one.failed}
    calls = {id: [key for key, _ in outcome["calls"]] for id, outcome in kept.items() if outcome}
    return outcomes, calls, cascade


def _trials(path: Path, outcomes: list[Outcome], asked: dict[str, list[str]]) -> list[Trial]:
    """What each source that did not fail took, by the journal."""
    records = Records(path)
    try:
        trials = [Trial(one.id, one.passed, _used(records, asked[one.id])) for one in outcomes if one.id in asked]
    finally:
        records.close()
    if not trials:
        said = next(drop.detail for one in outcomes for try_ in one.tries if (drop := try_.scored[0].worth.drop))
        raise UserError(f"A call failed for every source of the pilot: {said}.", hint="Mend that, and run it again.")
    return trials


def _used(records: Records, keys: list[str]) -> dict[str, Used]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for call in filter(None, map(records.call, keys)):
        found[call["alias"]].append(call)
    return {
        alias: Used(
            len(calls),
            sum(call["input_tokens"] or 0 for call in calls),
            sum(call["output_tokens"] or 0 for call in calls),
            sum(call["seconds"] for call in calls),
        )
        for alias, calls in found.items()
    }


def _notes(project: Project, sources: Range, bills: dict[str, Bill], whole: Bill) -> list[str]:
    config, notes = project.config, ["near duplicates are not counted: the more rows, the more of them are rejected"]
    supply = config.run.draws * len(project.sources)
    if supply and (sources.high is None or sources.high > supply):
        notes.append(f"there are {supply:,} sources to take ({len(project.sources):,} passages, run.draws each)")
    for alias, one in bills.items():
        if one.dollars is None:
            notes.append(f"the price of {alias} is unknown: set models.{alias}.input_price and output_price")
    if config.run.mode == "batch":
        notes.append("run.mode: batch takes up to a day a wave, and providers ask about half of these dollars")
    return [*notes, *_capped(config, whole), *project.said_of_sources()]


def _futility_note(cascade: list[TeacherProgram], config: Config) -> list[str]:
    most = most_empty(cascade, config.run)
    return [f"a run stops when {most} sources in a row give no row (run.keep_going)"] if most else []


def _capped(config: Config, whole: Bill) -> list[str]:
    """The caps that a run of so many rows may meet."""
    taken = {"max_usd": whole.dollars, "max_calls": whole.calls}
    return [
        f"{section}.{key}: {cap:g} may be reached before"
        for section, caps in (("run", config.run), ("budget", config.budget))
        for key, what in taken.items()
        if what and (cap := getattr(caps, key)) and (what.high is None or what.high > cap)
    ]


def _told(range: dict[str, float | None], form: Any) -> str:
    """`likely [low to high]`; where nothing is known but the lower bound, that alone."""
    low, likely, high = range["low"], range["likely"], range["high"]
    if likely is None:
        return f"at least {form(low)}"
    return f"{form(likely)} [{form(low)} to {'unknown' if high is None else form(high)}]"


def _count(value: float) -> str:
    """Three digits that mean something, at most."""
    size = 10 ** max(0, math.floor(math.log10(value)) - 2) if value else 1
    return f"{math.ceil(value / size) * size:,}"


def _usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.2g}"


def _time(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"
