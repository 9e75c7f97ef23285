"""What is printed at the end of a command: the figures that decide, in a few lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metrics.variety import Variety
from optimize.artefact import Manifest
from optimize.comparison import Comparison, Standing


def compile_summary(manifest: Manifest, path: Path, paid: int) -> str:
    """A compile: what the judges are worth, what was chosen, and what it brought on held-out sources."""
    lines = [f"judge {check}" for check in manifest.judges]
    if manifest.evidence:
        evidence = manifest.evidence
        lines.append(
            f"evidence alone, no judge: AUROC {evidence.auroc:.2f} [{evidence.low:.2f}, {evidence.high:.2f}] "
            f"on {evidence.n} verdicts"
        )
    lines += [f"{name}: {what}" for name, what in manifest.steps.items()]
    if manifest.comparison:
        lines += [
            "",
            comparison_table([manifest.comparison.before, manifest.comparison.after]),
            difference_line(manifest.comparison),
        ]
    lines += ["", f"{path}  ({paid} calls paid, {manifest.calls - paid} replayed)"]
    return "\n".join(lines)


def comparison_table(standings: Sequence[Standing]) -> str:
    """One line a program: the metric and acceptance with 95% intervals by document, unreadable replies, tokens."""
    head = f"{'on held-out sources':<24}{'metric':>20}{'acceptance':>20}{'unreadable':>12}{'tokens/row':>12}"
    return "\n".join([head, *(_standing(one) for one in standings)])


def difference_line(comparison: Comparison) -> str:
    """The paired difference, and an honest word for it."""
    return f"difference {comparison.difference} over {comparison.before.documents} documents: {comparison.verdict}"


def run_summary(report: dict[str, Any], out: Path, samples: Sequence[dict[str, Any]]) -> str:
    """A run: why it stopped, what was kept and why the rest was not, a few rows, and how to load it."""
    counts = report["counts"]
    acceptance = counts["accepted"] / counts["candidates"] if counts["candidates"] else 0.0
    lines = [
        f"{counts['accepted']} rows from {counts['candidates']} candidates ({acceptance:.0%} accepted): "
        f"{report['stopped']}"
    ]
    lines += [f"  {count:>5}  {reason}" for reason, count in counts["rejected"].items()]
    for name, count in counts["unscored"].items():
        lines.append(f"  {count} rows were scored without the {name} judge: its verdict could not be read")
    dollars = "unknown (no price in the config)" if report["dollars"] is None else f"${report['dollars']:.4f}"
    lines.append(f"calls {report['calls']} ({report['replayed']} replayed), cost {dollars}, {report['seconds']:.0f} s")
    lines += [str(Variety.model_validate(report["variety"]))] if report["variety"] else []
    lines += [f"warning: {warning}" for warning in report["warnings"]]
    for sample in samples:
        lines += ["", *(f"  {message['role']:>9}: {message['content']}" for message in sample["messages"])]
    return "\n".join([*lines, "", f"{out}", f'  datasets.load_dataset("{out}")'])


def _standing(one: Standing) -> str:
    per_row = f"{one.tokens_per_row:,.0f}" if one.tokens_per_row else "none kept"
    return f"{one.name:<24}{one.metric!s:>20}{one.acceptance!s:>20}{one.unreadable:>12.0%}{per_row:>12}"
