"""What a search may cost: caps on calls, tokens, dollars and minutes, kept so that a repeat ends at the same place."""

import dataclasses
from collections.abc import Callable
from typing import Self


@dataclasses.dataclass(frozen=True)
class Cost:
    """What calls took, replayed ones included. `minutes` is the time in which a model was at work."""

    calls: float = 0
    tokens: float = 0
    usd: float = 0.0
    minutes: float = 0.0


@dataclasses.dataclass(frozen=True)
class Caps:
    """The most a search may take of each; None is no cap."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    minutes: float | None = None


class Spent(BaseException):
    """A cap is reached; which one, in words.

    Not an `Exception`, on purpose: DSPy's optimizers turn every Exception into a score of 0 and go on.
    """


class Allowance:
    """Caps, and how near them a search is.

    It is asked before a batch of calls is begun, never while one is out: what is spent is then the same whatever
    ran at once, and the same again when the calls are replayed. What a batch will take is foretold from the mean of
    the calls so far; of calls themselves it is known, so that no search makes more than it may.

    Args:
        caps: the most. spent: what was spent so far. share: the part of the caps this search may reach, (0, 1].
    """

    def __init__(self, caps: Caps, spent: Callable[[], Cost], share: float = 1.0) -> None:
        self.caps, self._spent, self._share = caps, spent, share

    @property
    def bounded(self) -> bool:
        """Whether there is any cap."""
        return any(cap is not None for cap in dataclasses.astuple(self.caps))

    def part(self, share: float) -> Self:
        """The same caps for a search that may reach `share` of them, so that something is left for those after it."""
        return type(self)(self.caps, self._spent, share)

    def check(self, calls: int) -> None:
        """Raises Spent where `calls` calls more would go beyond a cap."""
        spent = self._spent()
        for name, cap in dataclasses.asdict(self.caps).items():
            taken = getattr(spent, name)
            mean = 1 if name == "calls" else taken / max(spent.calls, 1)
            if cap is not None and taken + calls * mean > cap * self._share:
                whole = "" if self._share == 1 else " (this step's part of it)"
                raise Spent(f"compile.max_{name}: {cap:g}{whole} is reached")


UNBOUNDED = Allowance(Caps(), Cost)
"""No cap at all."""
