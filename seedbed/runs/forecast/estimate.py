"""Estimates what N accepted rows will cost, from a pilot: a few sources through the program and the full gate."""

import asyncio
import dataclasses
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from programs.core.background import run_sync, together
from programs.core.feed import first_sources
from seedbed.compiling.programs import open_cascade
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.models.prices import price
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.runs.attempt import Attempts
from seedbed.runs.forecast.forecast import Bill, Model, Range, Trial, Usage, acceptance, alias_bill, needed, total
from seedbed.runs.futility import most_empty
from seedbed.runs.outcome import Outcome
from seedbed.storage.run_reader import Records

SETUP = "pilot"  # the name of its outcomes in the journal
LOOKED = 10_000  # sources of the feed that are counted at most


def estimate_rows(project: Project, rows: int, n: int, *, uncompiled: bool, progress: Progress) -> dict[str, Any]:
    """Calls, tokens, dollars and hours for `rows` accepted rows, from the first n sources of the feed.

    Earlier calls are replayed from the project's journal. Raises UserError if there are no sources, or if all of them
    failed; BudgetReached if a cap leaves no room for the pilot.
    """
    path = project.journal
    with Session(project, path, say=progress.say) as session:
        outcomes, call_keys, cascade = _pilot(session, n, uncompiled=uncompiled, progress=progress)
        tallies = dict(session.journal.tallies)
        models = {
            alias: Model(entry, price(entry), session.models.lm(alias).async_engine.concurrency, tally.seconds)
            for alias, tally in tallies.items()
            if (entry := project.config.models[alias])
        }
    trials = _trials(path, outcomes, call_keys)
    sources = needed(rows, accepted := acceptance(trials))
    bills = {alias: alias_bill(trials, alias, model, sources) for alias, model in models.items()}
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
        "models": {alias: dataclasses.asdict(bill) for alias, bill in bills.items()},
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
    lines.append(f"  {'sources':<14}{_span(estimate['sources'], _count)}")
    for alias, bill in bills.items():
        lines += [
            f"  {alias}",
            f"    {'calls':<12}{_span(bill['calls'], _count)}",
            f"    {'tokens in':<12}{_span(bill['input_tokens'], _count)}",
            f"    {'tokens out':<12}{_span(bill['output_tokens'], _count)}",
            f"    {'dollars':<12}{'unknown' if bill['dollars'] is None else _span(bill['dollars'], _usd)}",
            f"    {'time':<12}{_span(bill['hours'], _time)}",
        ]
    return "\n".join([*lines, "", *(f"note: {note}" for note in estimate["notes"])])


def _pilot(
    session: Session, n: int, *, uncompiled: bool, progress: Progress
) -> tuple[list[Outcome], dict[str, list[str]], list[TeacherProgram]]:
    """The outcomes of the sources, the keys of each outcome's calls by its id, and the cascade of the run.

    At most as many sources are at work as calls may be in flight, so that calls hardly wait for a free slot: the time
    of a run is estimated from the duration of the calls.
    """
    sources = first_sources(session.project.feed(embed=session.embed), n)
    if not sources:
        raise UserError("There is no source to try.", hint=session.project.inputs.kind.hint)
    cascade, metric = open_cascade(session, uncompiled=uncompiled, say=progress.say)
    attempts = Attempts(session, cascade, metric, SETUP)
    slots = asyncio.Semaphore(session.lm("teacher").async_engine.concurrency)

    async def attempt(position: int) -> Outcome:
        async with slots:
            outcome = await attempts.make(position, sources[position])
        step()
        return outcome

    with progress.task("sources", len(sources)) as step:
        outcomes = run_sync(together(map(attempt, range(len(sources)))))
    records = {outcome.id: session.journal.outcome(SETUP, outcome.id) for outcome in outcomes if not outcome.failed}
    call_keys = {id: [key for key, *_ in record["calls"]] for id, record in records.items() if record}
    return outcomes, call_keys, cascade


def _trials(path: Path, outcomes: list[Outcome], call_keys: dict[str, list[str]]) -> list[Trial]:
    """The trial of each source that did not fail, from the journal."""
    records = Records(path)
    try:
        trials = [
            Trial(outcome.id, outcome.passed, _usage(records, call_keys[outcome.id]))
            for outcome in outcomes
            if outcome.id in call_keys
        ]
    finally:
        records.close()
    if not trials:
        tries = (try_ for outcome in outcomes for try_ in outcome.tries)
        reason = next(drop.detail for try_ in tries if (drop := try_.scored[0].worth.drop))
        raise UserError(
            f"A call failed for every source of the pilot: {reason}.", hint="Correct this, then run the command again."
        )
    return trials


def _usage(records: Records, keys: list[str]) -> dict[str, Usage]:
    by_alias: defaultdict[str, list[Any]] = defaultdict(list)
    for call in filter(None, map(records.call, keys)):
        by_alias[call["alias"]].append(call)
    return {
        alias: Usage(
            len(calls),
            sum(call["input_tokens"] or 0 for call in calls),
            sum(call["output_tokens"] or 0 for call in calls),
            sum(call["seconds"] for call in calls),
        )
        for alias, calls in by_alias.items()
    }


def _notes(project: Project, sources: Range, bills: dict[str, Bill], whole: Bill) -> list[str]:
    config, notes = project.config, ["near duplicates are not counted: more of them are rejected as the rows get more"]
    most = LOOKED if sources.high is None else min(math.ceil(sources.high), LOOKED)
    supply = len(first_sources(project.feed(), most))
    if supply < most:
        units = f"{len(project.inputs.sources):,} {project.inputs.kind.units}"
        notes.append(f"there are only {supply:,} sources, of {units}")
    for alias, bill in bills.items():
        if bill.dollars is None:
            notes.append(f"the price of {alias} is unknown: set models.{alias}.input_price and output_price")
    if config.run.mode == "batch":
        notes.append("run.mode: batch takes up to a day a wave, and providers charge about half of these dollars")
    return [*notes, *_capped(config, whole), *project.inputs.said_of_sources()]


def _futility_note(cascade: list[TeacherProgram], config: Config) -> list[str]:
    limit = most_empty(cascade, config.run)
    return [f"a run stops when {limit} sources in a row give no row (run.keep_going)"] if limit else []


def _capped(config: Config, whole: Bill) -> list[str]:
    """A line for each cap that a run of so many rows may reach."""
    costs = {"max_usd": whole.dollars, "max_calls": whole.calls}
    return [
        f"{section}.{key}: {cap:g} may be reached before"
        for section, caps in (("run", config.run), ("budget", config.budget))
        for key, cost in costs.items()
        if cost and (cap := getattr(caps, key)) and (cost.high is None or cost.high > cap)
    ]


def _span(range: dict[str, float | None], form: Any) -> str:
    """`likely [low to high]`; if only the lower bound is known, that alone."""
    low, likely, high = range["low"], range["likely"], range["high"]
    if likely is None:
        return f"at least {form(low)}"
    return f"{form(likely)} [{form(low)} to {'unknown' if high is None else form(high)}]"


def _count(value: float) -> str:
    """At most three significant digits."""
    size = 10 ** max(0, math.floor(math.log10(value)) - 2) if value else 1
    return f"{math.ceil(value / size) * size:,}"


def _usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.2g}"


def _time(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"
