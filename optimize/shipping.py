"""Which of two programs ships, and why: the compiled one only where it is not shown to be worse."""

from typing import Literal

from pydantic import BaseModel

from optimize.comparison import TOO_FEW, Gain

TOLERANCE = 0.02  # how far below 0 the interval of a gain may reach

Which = Literal["compiled", "uncompiled"]


class Decision(BaseModel):
    """The program that ships, and why, in words."""

    ships: Which
    why: str


def proven(gain: Gain) -> bool:
    """Whether a compiled program may ship: a mean gain above 0, and an interval that ends above -TOLERANCE, over no
    fewer documents than can say anything."""
    return gain.documents >= TOO_FEW and gain.mean > 0 and gain.low > -TOLERANCE


def decide(gain: Gain | None, asked: Which | None = None) -> Decision:
    """`asked` overrides the rule. Without a gain, for want of anything to compare on, the compiled one ships."""
    if asked:
        return Decision(ships=asked, why="asked for by compile.ship")
    if gain is None:
        return Decision(ships="compiled", why="nothing was held out to compare on")
    return Decision(ships="compiled" if proven(gain) else "uncompiled", why=f"gain {gain}")
