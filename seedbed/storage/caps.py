"""The caps that no call may exceed, and what is left of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

NANO = 1_000_000_000  # amounts are integers in nano-dollars, so that sums are exact
_SPENT = "select coalesce(sum({}), 0) from spent where account = coalesce(?, account)"


class Cap(NamedTuple):
    """The most that a column of the ledger (`calls`, `nano`) may reach, for one account or for all together (None)."""

    key: str
    column: str
    most: int
    account: str | None

    def sentence(self) -> str:
        """The message for people when the cap is reached."""
        most = f"{self.most / NANO:g}" if self.column == "nano" else f"{self.most}"
        return f"{self.key}: {most} is reached"


def caps(section: str, usd: float | None, calls: int | None, account: str | None) -> list[Cap]:
    """The caps that a section of the config sets."""
    limits = {"max_usd": ("nano", usd and round(usd * NANO)), "max_calls": ("calls", calls)}
    return [Cap(f"{section}.{key}", column, most, account) for key, (column, most) in limits.items() if most]


class Room:
    """What is left of each cap. `row(statement, *values)` reads a row of the ledger's file."""

    def __init__(self, caps: Sequence[Cap], row: Callable[..., Any]) -> None:
        self._caps = caps
        self._left = [cap.most - int(row(_SPENT.format(cap.column), cap.account)[0]) for cap in caps]

    def take(self, calls: int, nano: int) -> str:
        """Take these amounts and return "". If they do not fit, take nothing and return the sentence of the first cap
        that they would exceed."""
        amounts = [calls if cap.column == "calls" else nano for cap in self._caps]
        for cap, rest, amount in zip(self._caps, self._left, amounts, strict=True):
            if amount > max(rest, 0):
                return cap.sentence()
        self._left = [rest - amount for rest, amount in zip(self._left, amounts, strict=True)]
        return ""

    def share(self) -> float | None:
        """The smallest share of a cap that is left; None without caps."""
        return min((rest / cap.most for rest, cap in zip(self._left, self._caps, strict=True)), default=None)
