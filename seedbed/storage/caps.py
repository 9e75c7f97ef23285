"""The caps that no call may break, and the room that they leave."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

NANO = 1_000_000_000  # amounts are whole nano-dollars, so that sums are exact
_SPENT = "select coalesce(sum({}), 0) from spent where account = coalesce(?, account)"


class Cap(NamedTuple):
    """The most of a column of the ledger (`calls`, `nano`) that one account may come to, or all of them together."""

    key: str
    column: str
    most: int
    account: str | None

    def sentence(self) -> str:
        """What a person is told when it is reached."""
        most = f"{self.most / NANO:g}" if self.column == "nano" else f"{self.most}"
        return f"{self.key}: {most} is reached"


def caps(section: str, usd: float | None, calls: int | None, account: str | None) -> list[Cap]:
    """The caps that a section of the config sets."""
    found = {"max_usd": ("nano", usd and round(usd * NANO)), "max_calls": ("calls", calls)}
    return [Cap(f"{section}.{key}", column, most, account) for key, (column, most) in found.items() if most]


class Room:
    """What is left of each cap. `row(statement, *values)` asks the ledger's file for what is spent."""

    def __init__(self, caps: Sequence[Cap], row: Callable[..., Any]) -> None:
        self._caps = caps
        self._left = [cap.most - int(row(_SPENT.format(cap.column), cap.account)[0]) for cap in caps]

    def take(self, calls: int, nano: int) -> str:
        """Take these, or nothing where they do not fit: then the first cap they would break, in words."""
        wants = [calls if cap.column == "calls" else nano for cap in self._caps]
        for cap, left, want in zip(self._caps, self._left, wants, strict=True):
            if want > max(left, 0):
                return cap.sentence()
        self._left = [left - want for left, want in zip(self._left, wants, strict=True)]
        return ""

    def share(self) -> float | None:
        """What is left of the tightest cap, as a share of it; None without caps."""
        return min((left / cap.most for left, cap in zip(self._left, self._caps, strict=True)), default=None)
