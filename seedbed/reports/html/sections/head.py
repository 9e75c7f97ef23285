"""The head of the report: is it good, what did it cost, may it be used; in one sentence, six figures and warnings."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from metrics.calibration.frozen import Frozen
from metrics.calibration.intervals import Interval
from optimize.artefact import Manifest
from optimize.comparison import Gain, Standing
from seedbed.reports.html.candidates import candidates, flags, texts
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.figures.people import audit
from seedbed.reports.html.palette import ACCEPTED
from seedbed.reports.html.run_folder import MadeWith, RunFolder
from seedbed.reports.html.section import Section
from seedbed.reports.html.shares import mean_by_group
from seedbed.reports.html.wording import counted

QUESTION = "Is it good, what did it cost, and may it be used?"


@dataclasses.dataclass(frozen=True)
class Number:
    """A figure of the head: its name, its value, and what stands beside it, such as an interval."""

    name: str
    value: str
    note: str


def run_head(run: RunFolder) -> Section:
    """Of a run, finished or not."""
    made = next(iter(run.made_with), None)
    metric = made.metric if made else None
    numbers = [
        _rows(run.report, run),
        _acceptance(run),
        _cost(run.report),
        _metric(metric),
        _gain(made),
        _audit(run),
    ]
    warnings = [*run.report.get("warnings", []), *_doubts(metric)]
    return _section(_run_sentence(run), numbers, warnings, unfinished=not run.report)


def compile_head(made: MadeWith, manifest: Manifest) -> Section:
    """Of a compile."""
    after = manifest.comparison.after if manifest.comparison else None
    numbers = [
        Number("Runs use", manifest.ships, f"recipe {manifest.recipe}, teacher {manifest.teacher}"),
        _gain(made),
        _held_out("Acceptance", after, percent=True),
        _held_out("Mean score", after),
        _metric(made.metric),
        Number("Calls", f"{manifest.calls:,}", f"{manifest.input_tokens + manifest.output_tokens:,} tokens"),
    ]
    sentence = f"Runs use the {manifest.ships} program of {manifest.recipe} for {manifest.teacher}: {manifest.why}."
    return _section(sentence, numbers, _doubts(made.metric))


def _section(sentence: str, numbers: Sequence[Number], warnings: Sequence[str], *, unfinished: bool = False) -> Section:
    table = Table(("figure", "value", "beside it"), [dataclasses.astuple(number) for number in numbers])
    content = {"numbers": numbers, "warnings": warnings, "unfinished": unfinished}
    return Section("Summary", QUESTION, [Figure(sentence, table)], "head.html", content)


def _run_sentence(run: RunFolder) -> str:
    report = run.report
    if not report:
        return (
            f"This run is unfinished: it has no run.json yet. {run.accepted(['id']).num_rows:,} accepted rows and "
            f"{run.rejected(['id']).num_rows:,} rejected candidates are on the disk; the same command resumes it."
        )
    counts, stopped = report["counts"], report["stopped"].partition(", such as '")[0]  # a candidate's text follows
    share = f", {counts['accepted'] / counts['candidates']:.0%}" if counts["candidates"] else ""
    return (
        f"{counts['accepted']:,} of {counts['candidates']:,} candidates were accepted{share}. "
        f"The run ended because {stopped}."
    )


def _rows(report: Mapping[str, Any], run: RunFolder) -> Number:
    if not report:
        return Number("Rows", f"{run.accepted(['id']).num_rows:,}", "so far")
    counts = report["counts"]
    splits = ", ".join(f"{name} {count:,}" for name, count in counts["splits"].items())
    return Number("Rows", f"{counts['accepted']:,} of {report['rows']:,}", splits or "no rows")


def _acceptance(run: RunFolder) -> Number:
    """The accepted share of all candidates on the disk, with its interval by group."""
    table = candidates(run, ["lineage.group"])
    groups = texts(table, "group")
    if not groups:
        return Number("Acceptance", "none", "no candidate yet")
    share = mean_by_group(flags(table), groups)
    over = f"{_percent(share)} over {counted(len(set(groups)), 'group')} of sources"
    return Number("Acceptance", f"{share.mean:.0%}", over)


def _cost(report: Mapping[str, Any]) -> Number:
    rows = report["counts"]["accepted"] if report else 0
    if not rows:
        return Number("Cost of a row", "unknown", "no row to spread it over")
    read, written = report["input_tokens"] / rows, report["output_tokens"] / rows
    tokens = f"{read:,.0f} tokens read, {written:,.0f} written, over all calls"
    dollars = report["dollars"]
    return Number("Cost of a row", "unknown" if dollars is None else _dollars(dollars / rows), tokens)


def _dollars(dollars: float) -> str:
    return "$0" if not dollars else f"${dollars:.2f}" if dollars >= 1 else f"${dollars:.2g}"


def _metric(frozen: Frozen | None) -> Number:
    figures = frozen and frozen.figures
    if not figures:
        return Number("Metric (AUROC)", "unknown", "it was not checked against people's verdicts")
    interval = Interval(figures.auroc, figures.auroc_low, figures.auroc_high)
    trivial = max(rule.auroc for rule in figures.baselines.values())
    note = f"[{interval.low:.2f}, {interval.high:.2f}] on {figures.n} verdicts; a trivial rule reaches {trivial:.2f}"
    return Number("Metric (AUROC)", f"{interval.mean:.2f}", note)


def _gain(made: MadeWith | None) -> Number:
    manifest = made.manifest if made else None
    if not made or not manifest:
        return Number("Gain of compiling", "none", "the prompts are as written, not compiled")
    if not manifest.comparison:
        return Number("Gain of compiling", "unknown", "no documents were held out to measure it")
    gain: Gain = manifest.comparison.difference
    note = (
        f"[{gain.low:+.2f}, {gain.high:+.2f}] over {counted(gain.documents, f'held-out {gain.unit}')}: {gain.verdict}"
    )
    note += "" if made.compiled_for == made.teacher else f"; measured with {made.compiled_for}"
    return Number("Gain of compiling", f"{gain.mean:+.2f}", note)


def _audit(run: RunFolder) -> Number:
    accepted = next((line for line in audit(run) if line.fate == ACCEPTED), None)
    if not accepted:
        return Number("People's audit", "none", "nobody has looked at these rows yet; seedbed label asks")
    note = f"{_percent(accepted.share)} of the accepted rows that people read"
    return Number("People's audit", f"{accepted.good:,} of {accepted.rows:,} good", note)


def _held_out(name: str, standing: Standing | None, *, percent: bool = False) -> Number:
    """A figure of the compiled program on held-out sources: its accepted share as a percentage, or its mean score."""
    if standing is None:
        return Number(name, "unknown", "nothing was held out")
    interval = standing.acceptance if percent else standing.metric
    value = f"{interval.mean:.0%}" if percent else f"{interval.mean:.2f}"
    ends = _percent(interval) if percent else f"[{interval.low:.2f}, {interval.high:.2f}]"
    return Number(
        name, value, f"{ends} of the compiled program on {counted(standing.documents, f'held-out {standing.unit}')}"
    )


def _percent(interval: Interval) -> str:
    return f"[{interval.low:.0%}, {interval.high:.0%}]"


def _doubts(frozen: Frozen | None) -> list[str]:
    """What speaks against the metric and its judges."""
    if frozen is None:
        return []
    if frozen.figures is None:
        return ["no verdicts: nothing says whether the metric agrees with people"]
    figures, doubts = frozen.figures, []
    if figures.difference_low <= 0:
        difference = f"{figures.difference:+.2f} [{figures.difference_low:+.2f}, {figures.difference_high:+.2f}]"
        doubts.append(f"the metric is not shown to beat the stronger trivial rule: AUROC {difference} beyond it")
    doubts += [
        f"the judge {name} is of no use on these verdicts: AUROC {judged.auroc:.2f} alone, adds {judged.adds:+.2f} "
        f"[{judged.adds_low:+.2f}, {judged.adds_high:+.2f}] to the evidence"
        for name, judged in figures.judges.items()
        if not judged.useful
    ]
    return doubts
