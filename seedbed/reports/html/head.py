"""The head of the report: whether it is good, what it cost, and what a reader must know first."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from optimize.artefact import Manifest
from seedbed.reports.html.run_folder import MadeWith, RunFolder


class Number(NamedTuple):
    """A figure of the head, with what it is about in small."""

    name: str
    value: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Head:
    """The title, one sentence, six figures at most, and warnings."""

    title: str
    sentence: str
    figures: Sequence[Number] = ()
    warnings: Sequence[str] = ()


def run_head(folder: RunFolder) -> Head:
    """The head of a run's report; of a run without run.json, that it is unfinished."""
    report, name = folder.report, folder.path.resolve().name
    if not report:
        rows = len(folder.accepted(["id"]))
        sentence = f"This run is unfinished: {rows} rows are written so far. Run the same command again to resume it."
        return Head(name, sentence)
    counts = report["counts"]
    sentence = (
        f"{counts['accepted']} rows of {report['rows']} that were asked for, from {counts['candidates']} candidates. "
        f"The run stopped because {report['stopped']}."
    )
    manifest = next((made.manifest for made in folder.made_with if made.manifest), None)
    figures = [*_numbers(report), *([_gain(manifest)] if manifest and manifest.comparison else [])]
    return Head(f"{name}: {report['recipe']}", sentence, figures, [*report["warnings"], *_doubts(folder.made_with)])


def compile_head(made: MadeWith, manifest: Manifest) -> Head:
    """The head of a compile's report."""
    sentence = f"A run uses the {manifest.ships} program: {manifest.why}."
    figures = [Number("calls", f"{manifest.calls:,}"), Number("tokens read", f"{manifest.input_tokens:,}")]
    figures += [_gain(manifest)] if manifest.comparison else []
    return Head(f"{manifest.recipe}, compiled for {manifest.teacher}", sentence, figures, _doubts([made]))


def _numbers(report: dict[str, Any]) -> list[Number]:
    counts, tokens = report["counts"], report["input_tokens"] + report["output_tokens"]
    accepted, candidates = counts["accepted"], counts["candidates"]
    splits = ", ".join(f"{name} {count}" for name, count in counts["splits"].items())
    dollars = "unknown" if report["dollars"] is None else f"${report['dollars']:.2f}"
    return [
        Number("rows", f"{accepted:,}", splits),
        Number("accepted", f"{accepted / candidates:.0%}" if candidates else "none", f"of {candidates:,} candidates"),
        Number("cost", dollars, f"{report['calls']:,} calls"),
        Number("tokens a row", f"{tokens / accepted:,.0f}" if accepted else "none kept", "of all calls"),
    ]


def _gain(manifest: Manifest) -> Number:
    assert manifest.comparison
    gain = manifest.comparison.difference
    return Number("gain by compiling", f"{gain.mean:+.2f}", f"[{gain.low:.2f}, {gain.high:.2f}] {gain.verdict}")


def _doubts(made_with: Sequence[MadeWith]) -> list[str]:
    """What weakens trust in the metric."""
    metrics = [made.metric for made in made_with[:1] if made.metric]
    if any(metric.figures is None for metric in metrics):
        return [
            "the metric was fitted to no verdict of these rows' kind: nothing says how well it knows what people think"
        ]
    return [note for metric in metrics if metric.figures for note in metric.figures.notes]
