"""Why candidates of a run were rejected, in the order of its gates."""

import dataclasses
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from seedbed.reports.html.candidates import counts
from seedbed.reports.html.run_folder import RunFolder

LATER = ("veto", "check", "round trip", "judge", "threshold", "contamination", "duplicate", "pool", "elimination")
"""The gates after the steps of the program, by the first words of a step's name, in the order of a run."""
REASONS = 24  # lines of the chart; rarer reasons are one line a step


@dataclasses.dataclass(frozen=True)
class Loss:
    """The candidates of each teacher that were rejected at a step for a reason."""

    step: str
    reason: str
    by_teacher: dict[str, int]

    @property
    def lost(self) -> int:
        return sum(self.by_teacher.values())

    @property
    def label(self) -> str:
        return self.reason if self.step in (self.reason, "threshold") else f"{self.step}: {self.reason}"


def program_steps(run: RunFolder) -> list[str]:
    """The steps of the first teacher's program, in order."""
    state = next((made.uncompiled or made.compiled for made in run.made_with), None)
    return [name.split(".")[0] for name in state or {}]


def losses_of(table: pa.Table, steps: Sequence[str]) -> list[Loss]:
    """The reasons in the order of the gates, the commonest of a gate first."""
    rejected = table.filter(pc.invert(table["accepted"]))
    by_reason = dict[tuple[str, str], dict[str, int]]()
    for (step, reason, teacher), number in counts(rejected, "step", "reason", "teacher").items():
        by_reason.setdefault((step, reason), {})[teacher] = number
    losses = [Loss(*key, by_teacher) for key, by_teacher in by_reason.items()]
    return sorted(losses, key=lambda loss: (*_rank(loss.step, steps), -loss.lost, loss.reason))


def _rank(step: str, steps: Sequence[str]) -> tuple[int, str]:
    """The place of a step among the gates; a judge that the program itself asks stands with the judges."""
    if step in steps:
        return steps.index(step), step
    later = next((place for place, start in enumerate(LATER) if step.startswith(start)), -1)
    return len(steps) + 1 + later, step


def merged(losses: Sequence[Loss]) -> list[Loss]:
    """At most REASONS lines: the rarest reasons of each step become one."""
    kept = {id(loss) for loss in sorted(losses, key=lambda loss: -loss.lost)[:REASONS]}
    lines = list[Loss]()
    for loss in losses:
        if id(loss) in kept:
            lines.append(loss)
        elif lines and lines[-1].step == loss.step and lines[-1].reason == "other reasons":
            rest = lines.pop()
            teachers = {**rest.by_teacher, **loss.by_teacher}
            both = {name: rest.by_teacher.get(name, 0) + loss.by_teacher.get(name, 0) for name in teachers}
            lines.append(Loss(loss.step, "other reasons", both))
        else:
            lines.append(Loss(loss.step, "other reasons", loss.by_teacher))
    return lines
