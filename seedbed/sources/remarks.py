"""What there is to know of the sources, alike things together: long lists as their count and the first few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN, KEPT = 3, 100  # names of alike things: in a line, and at all


@dataclass
class Alike:
    """How many things one sentence is true of, and the first of them by name."""

    count: int = 0
    first: list[str] = field(default_factory=list)


class Remarks:
    """Sentences on things that have names, in the order in which each was first said."""

    def __init__(self) -> None:
        self._alike = dict[str, Alike]()

    def add(self, name: str, sentence: str) -> None:
        """Say this of one more thing."""
        alike = self._alike.setdefault(sentence, Alike())
        alike.count += 1
        if len(alike.first) < KEPT:
            alike.first.append(name)

    @property
    def count(self) -> int:
        """Of how many things anything is said."""
        return sum(alike.count for alike in self._alike.values())

    def lines(self) -> list[str]:
        """A line a sentence, with the names it is true of."""
        return [line(sentence, alike.count, alike.first) for sentence, alike in self._alike.items()]

    def report(self) -> list[dict[str, Any]]:
        """The same as data."""
        return [{"why": why, "count": alike.count, "first": alike.first} for why, alike in self._alike.items()]


def line(why: str, count: int, first: Sequence[str]) -> str:
    """A sentence, and what it is true of: one by its name, more by their number and the first few."""
    if count == 1:
        return f"{first[0]}: {why}"
    return f"{count:,} ({', '.join(first[:SHOWN])}{', ...' if count > SHOWN else ''}): {why}"
