"""The summary that a command prints at its end: the figures that decide, in a few lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metrics.diversity import Variety
from metrics.extrinsic import Extrinsic
from metrics.pairs import PairFigures
from optimize.artefact import Manifest
from optimize.comparison import TOO_FEW, Comparison, Gain, Standing
from optimize.label_agreement import Agreement
from optimize.shipping import TOLERANCE
from seedbed.compiling.figures import calibration_line
from seedbed.reports.loading import loading_line
from seedbed.reports.rows import row_lines
from seedbed.runs.advice import advice
from seedbed.runs.record.cost_lines import bill_lines
from seedbed.sources.remarks import line


def compile_summary(manifest: Manifest, path: Path, paid: int) -> str:
    """Of a compile: how good the metric is, the choice for each step, and the gain on held-out sources."""
    lines = []
    if manifest.calibration:
        lines += [calibration_line(manifest.calibration), *(f"note: {note}" for note in manifest.calibration.notes)]
    lines += [f"{name}: {choice}" for name, choice in manifest.steps.items()]
    if comparison := manifest.comparison:
        before, after = comparison.before, comparison.after
        lines += ["", standings_table([before, after], {after.name: comparison.difference})]
    lines += [f"\n{procedure_text(agreement, manifest.folds)}" for agreement in manifest.procedure]
    lines += [f"\n{agreement_text(agreement, '(held out)')}" for agreement in manifest.agreement]
    lines += ["", f"ships: {manifest.ships} ({manifest.why})"]
    if not comparison:
        lines.append("warning: the gain is not known; documents that no seed is on would be held out to measure it")
    elif comparison.barren:
        lines += barren_lines(comparison)
    elif manifest.ships == "uncompiled" and not manifest.settings["ship"]:
        lines.append(
            f"  compiled ships at a mean gain above 0 over {TOO_FEW} documents or more, with its interval above "
            f"-{TOLERANCE}, or by --ship compiled"
        )
    lines += ["", f"{path}  ({paid} calls paid, {manifest.calls - paid} replayed)"]
    return "\n".join(lines)


def barren_lines(comparison: Comparison) -> list[str]:
    """Says that neither program made a row, why most candidates were rejected, one example, and what to try."""
    lines = [f"neither program made a row of {comparison.after.documents} {comparison.after.unit}s:"]
    for program in (comparison.before, comparison.after):
        reason, count = next(iter(program.rejected.items()))
        lines.append(f"  {program.name}: {reason}, {count} of {program.n}, such as: {program.glimpse}")
    return [*lines, f"  try {advice(next(iter(comparison.after.rejected)))}"]


def standings_table(standings: Sequence[Standing], gains: Mapping[str, Gain]) -> str:
    """One line per program: metric and acceptance with 95% intervals by document, unreadable replies, tokens, seconds
    (while a model was at work) and dollars per row, and calls; then the paired differences to the first program. It is
    116 columns wide, more with long names."""
    first = standings[0]
    width = max(24, 2 + max(len(standing.name) for standing in standings))
    head = f"{f'{first.documents} {first.unit}s held out':<{width}}{'metric':>20}{'acceptance':>20}{'unreadable':>12}"
    head += f"{'tokens/row':>12}{'s/row':>10}{'$/row':>11}{'calls':>7}"
    lines = [head, *(_standing(standing, width) for standing in standings)]
    return "\n".join([*lines, *(f"gain of {name}: {gain}" for name, gain in gains.items())])


def procedure_text(agreement: Agreement, folds: int) -> str:
    """The agreement by k-fold, which measures the procedure and not the program that ships."""
    return agreement_text(agreement, f"(the procedure, by {folds}-fold; the shipped program has seen all seeds)")


def agreement_text(agreement: Agreement, which: str) -> str:
    """A labelled step's agreement with the labels, one line per program; `which` names the seeds."""
    width = max(24, 2 + max(map(len, agreement.scores)))
    lines = [f"{agreement.step}, {agreement.comparator} with the labels on {agreement.n} seeds {which}"]
    for name, interval in agreement.scores.items():
        gain = agreement.gains.get(name)
        lines.append(f"{name:<{width}}{interval!s:>20}" + (f"   gain {gain}" if gain else ""))
    return "\n".join(lines)


def run_summary(report: dict[str, Any], out: Path, samples: Sequence[dict[str, Any]]) -> str:
    """Of a run: why it stopped, its rows, the reasons of the rejected ones, its best rows, and how to load it."""
    counts = report["counts"]
    acceptance = counts["accepted"] / counts["candidates"] if counts["candidates"] else 0.0
    lines = [
        f"{counts['accepted']} rows from {counts['candidates']} candidates ({acceptance:.0%} accepted): "
        f"{report['stopped']}"
    ]
    for reason, count in counts["rejected"].items():
        words = counts.get("words", {}).get(reason)
        lines.append(f"  {count:>5}  {reason}" + (f", first: {words}" if words else ""))
    for name, count in counts["unscored"].items():
        lines.append(f"  {count} rows were scored without the {name} judge: its verdict could not be read")
    dollars = "unknown (no price or token counts)" if report["dollars"] is None else f"${report['dollars']:.4f}"
    lines.append(f"calls {report['calls']} ({report['replayed']} replayed), cost {dollars}, {report['seconds']:.0f} s")
    lines += [f"  {cost}" for cost in bill_lines(report)]
    lines += [f"  skipped {line(**group)}" for group in counts["skipped"]]
    lines += [str(Variety.model_validate(report["variety"]))] if report["variety"] else []
    lines += [str(Extrinsic.model_validate(report["extrinsic"]))] if report["extrinsic"] else []
    lines += PairFigures.model_validate(report["pairs"]).lines
    lines += [f"warning: {warning}" for warning in report["warnings"]]
    for sample in samples:
        lines += ["", *row_lines(sample)]
    loading = loading_line(out, report) or "no rows to load"
    return "\n".join([*lines, "", f"{out}", f"  {loading}"])


def _standing(standing: Standing, width: int) -> str:
    tokens = "none kept" if standing.tokens_per_row is None else f"{standing.tokens_per_row:,.0f}"
    seconds = "none kept" if standing.seconds_per_row is None else f"{standing.seconds_per_row:,.1f}"
    score = f"{standing.name:<{width}}{standing.metric!s:>20}{standing.acceptance!s:>20}{standing.unreadable:>12.0%}"
    return f"{score}{tokens:>12}{seconds:>10}{_dollars(standing):>11}{standing.calls:>7,}"


def _dollars(standing: Standing) -> str:
    if standing.dollars is None:
        return "unknown"
    per_row = standing.dollars_per_row
    return "none kept" if per_row is None else f"${per_row:.5f}".rstrip("0").rstrip(".")
