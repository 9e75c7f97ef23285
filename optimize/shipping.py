"""Which of two programs ships, and why: one that can be read, and of these the compiled one where it proved itself."""

from typing import Literal

from pydantic import BaseModel

from optimize.comparison import TOO_FEW, Comparison, Gain

TOLERANCE = 0.02  # how far below 0 the interval of a gain may reach
UNREADABLE = 0.9  # of a program's replies, from which on it cannot be read

Which = Literal["compiled", "uncompiled"]


class Decision(BaseModel):
    """The program that ships, and why, in words."""

    ships: Which
    why: str


def proven(gain: Gain) -> bool:
    """Whether a compiled program may ship: a mean gain above 0, and an interval that ends above -TOLERANCE, over no
    fewer documents than can say anything."""
    return gain.documents >= TOO_FEW and gain.mean > 0 and gain.low > -TOLERANCE


def decide(comparison: Comparison | None, asked: Which | None = None) -> Decision:
    """`asked` overrides the rule. Where nothing could be compared on, the compiled one ships. A program that can be
    read beats one that cannot, whatever they are worth."""
    if asked:
        return Decision(ships=asked, why="asked for by compile.ship")
    if comparison is None:
        return Decision(ships="compiled", why="nothing was held out to compare on")
    before, after = comparison.before, comparison.after
    unread = [program for program in (before, after) if program.unreadable >= UNREADABLE]
    if len(unread) == 1:
        why = f"{unread[0].unreadable:.0%} of what the {unread[0].name} program writes cannot be read"
        return Decision(ships="compiled" if unread[0] is before else "uncompiled", why=why)
    gain = comparison.difference
    return Decision(ships="compiled" if proven(gain) else "uncompiled", why=f"gain {gain}")
