"""Decides which of two programs ships: a readable one, and the compiled one only if it is proven better."""

from typing import Literal

from pydantic import BaseModel

from optimize.comparison import TOO_FEW, Comparison, Gain

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


def decide(comparison: Comparison | None, override: Which | None = None) -> Decision:
    """Decide which program ships. `override` overrides the rule. Without a comparison the compiled program ships. A
    readable program beats an unreadable one, whatever their scores."""
    if override:
        return Decision(ships=override, why="asked for by compile.ship")
    if comparison is None:
        return Decision(ships="compiled", why="nothing was held out to compare on")
    before, after = comparison.before, comparison.after
    unread = [program for program in (before, after) if program.unreadable >= UNREADABLE]
    if len(unread) == 1:
        why = f"{unread[0].unreadable:.0%} of what the {unread[0].name} program writes cannot be read"
        return Decision(ships="compiled" if unread[0] is before else "uncompiled", why=why)
    gain = comparison.difference
    return Decision(ships="compiled" if proven(gain) else "uncompiled", why=f"gain {gain}")
