"""Groups remarks on the sources: many with one sentence become a count and the first few names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN, KEPT = 3, 100  # names of a group: in a line, and in all


@dataclass
class Group:
    """The number of things that one sentence is true of, and the names of the first."""

    count: int = 0
    first: list[str] = field(default_factory=list)


class Remarks:
    """Sentences on named things, in the order in which they were first added."""

    def __init__(self) -> None:
        self._groups = dict[str, Group]()

    def add(self, name: str, sentence: str) -> None:
        """Add one more thing that the sentence is true of."""
        group = self._groups.setdefault(sentence, Group())
        group.count += 1
        if len(group.first) < KEPT:
            group.first.append(name)

    @property
    def count(self) -> int:
        """The number of things over all sentences."""
        return sum(group.count for group in self._groups.values())

    def lines(self) -> list[str]:
        """One line per sentence, with the names that it is true of."""
        return [line(sentence, group.count, group.first) for sentence, group in self._groups.items()]

    def report(self) -> list[dict[str, Any]]:
        """The same lines as data."""
        return [{"why": why, "count": group.count, "first": group.first} for why, group in self._groups.items()]


def line(why: str, count: int, first: Sequence[str]) -> str:
    """A sentence with the name of the thing it is true of; of several things, their number and the first names."""
    if count == 1:
        return f"{first[0]}: {why}"
    return f"{count:,} ({', '.join(first[:SHOWN])}{', ...' if count > SHOWN else ''}): {why}"
