"""Decides which of two programs ships: a readable one, and the compiled one only if it is proven better."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from optimize.comparison import TOO_FEW, Comparison, Gain
from optimize.label_agreement import Agreement

TOLERANCE = 0.02  # how far below 0 the interval of a gain may reach
UNREADABLE = 0.9  # a program with this share of unreadable replies cannot be read

Which = Literal["compiled", "uncompiled"]


class Decision(BaseModel):
    """The program that ships, and the reason in words."""

    ships: Which
    why: str


def proven(gain: Gain) -> bool:
    """Whether a compiled program may ship: its mean gain is above 0, the gain's interval starts above -TOLERANCE, and
    there are at least TOO_FEW documents."""
    return gain.documents >= TOO_FEW and gain.mean > 0 and gain.low > -TOLERANCE


def open_question(comparison: Comparison | None, override: Which | None = None) -> bool:
    """Whether the rows do not say which program is better, so that people's labels should."""
    return bool(comparison and not override and _readable(comparison) and not proven(comparison.difference))


def decide(
    comparison: Comparison | None, override: Which | None = None, agreement: Sequence[Agreement] = ()
) -> Decision:
    """Decide which program ships. `override` overrides the rule. Without a comparison the compiled program ships. A
    readable program beats an unreadable one, whatever their scores.

    `agreement`: of labelled steps with people's labels on held-out seeds. Where the rows show no measurable
    difference, a step that agrees better decides, if none agrees worse: rows are scored by a metric that sees what such
    a step says, as a classifier's votes, but not whether it is right.
    """
    if override:
        return Decision(ships=override, why="asked for by compile.ship")
    if comparison is None:
        return Decision(ships="compiled", why="nothing was held out to compare on")
    if not _readable(comparison):
        before, after = comparison.before, comparison.after
        unread = before if before.unreadable >= UNREADABLE else after
        why = f"{unread.unreadable:.0%} of what the {unread.name} program writes cannot be read"
        return Decision(ships="compiled" if unread is before else "uncompiled", why=why)
    gain = comparison.difference
    better = [] if proven(gain) or gain.verdict != "no measurable difference" else _better(agreement)
    if better:
        step, of_labels = better[0].step, better[0].gains["compiled"]
        return Decision(ships="compiled", why=f"{step} agrees better with people's labels: {of_labels}")
    return Decision(ships="compiled" if proven(gain) else "uncompiled", why=f"gain {gain}")


def _better(agreement: Sequence[Agreement]) -> list[Agreement]:
    """The steps that agree better with people's labels once they are compiled; none if one agrees worse."""
    verdicts = [step.gains["compiled"].verdict for step in agreement]
    better = [step for step, verdict in zip(agreement, verdicts, strict=True) if verdict == "better"]
    return [] if "worse" in verdicts else better


def _readable(comparison: Comparison) -> bool:
    """Whether both programs can be read, or neither can."""
    return (comparison.before.unreadable >= UNREADABLE) == (comparison.after.unreadable >= UNREADABLE)
