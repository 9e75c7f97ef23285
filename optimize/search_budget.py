"""The cost caps of a search, on calls, tokens, dollars and minutes. A repeated search stops at the same point."""

import dataclasses
from collections.abc import Callable
from typing import Self


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of calls, replayed ones included. `minutes` is the time in which a model was at work."""

    calls: float = 0
    tokens: float = 0
    usd: float = 0.0
    minutes: float = 0.0


@dataclasses.dataclass(frozen=True)
class Caps:
    """The most that a search may spend of each; None is no cap."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    minutes: float | None = None


class Spent(BaseException):
    """A cap is reached; the message names it.

    Not an `Exception`, on purpose: DSPy's optimizers turn every Exception into a score of 0 and continue.
    """


class Allowance:
    """Checks a search against its caps.

    A search checks before each batch of calls, never during one. So the cost at a check does not depend on which calls
    ran at the same time, and is the same when the calls are replayed. The cost of a batch is estimated from the mean of
    the calls so far. The number of its calls is exact, so no search makes more calls than its cap.

    Args:
        caps: the most. spent: the cost so far. share: the part of the caps that this search may reach, in (0, 1].
    """

    def __init__(self, caps: Caps, spent: Callable[[], Cost], share: float = 1.0) -> None:
        self.caps, self._spent, self._share = caps, spent, share

    @property
    def bounded(self) -> bool:
        """Whether at least one cap is set."""
        return any(cap is not None for cap in dataclasses.astuple(self.caps))

    def part(self, share: float) -> Self:
        """The same caps for a search that may reach only `share` of them, so that later searches can spend the rest."""
        return type(self)(self.caps, self._spent, share)

    def check(self, calls: int) -> None:
        """Raise Spent if `calls` more calls would exceed a cap."""
        spent = self._spent()
        for name, cap in dataclasses.asdict(self.caps).items():
            amount = getattr(spent, name)
            mean = 1 if name == "calls" else amount / max(spent.calls, 1)
            if cap is not None and amount + calls * mean > cap * self._share:
                whole = "" if self._share == 1 else " (this step's part of it)"
                raise Spent(f"compile.max_{name}: {cap:g}{whole} is reached")


UNBOUNDED = Allowance(Caps(), Cost)
"""No caps."""
