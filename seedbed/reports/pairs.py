"""The summary of `seedbed pairs` for the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedbed.reports.loading import loading_line
from seedbed.runs.pairs.report import pair_lines


def pairs_summary(report: dict[str, Any], out: Path, samples: Sequence[dict[str, Any]]) -> str:
    """How many pairs there are and where they come from, the clearest ones, and how to load them."""
    counts = report["counts"]
    dollars = "unknown (no price or token counts)" if report["dollars"] is None else f"${report['dollars']:.4f}"
    lines = [f"{counts['accepted']} pairs from {counts['candidates']} prompts: {report['stopped']}"]
    lines += [f"  {line}" for line in pair_lines(report)]
    lines.append(f"calls {report['calls']} ({report['replayed']} replayed), cost {dollars}, {report['seconds']:.0f} s")
    lines += [f"warning: {warning}" for warning in report["warnings"]]
    for sample in samples:
        lines += ["", *(f"  {part:>9}: {sample[part][-1]['content']}" for part in ("prompt", "chosen", "rejected"))]
    return "\n".join([*lines, "", f"{out}", f"  {loading_line(out, report) or 'no rows to load'}"])
