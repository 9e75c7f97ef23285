"""Deals places evenly: to a few hands by their shares, and to all combinations of several lists."""

import itertools
import math
from array import array
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
GOLDEN = (math.sqrt(5) - 1) / 2


class Dealt:
    """Places 0, 1, 2, ... dealt to hands by their shares, without end.

    After n places the number of each hand's differs from its share of n by less than one (Tijdeman 1980, "The chairman
    assignment problem"): of those hands that may have the next place, the one has it that must have one first.

    Args:
        shares: of each hand, at least 0, not all 0; relative to each other.

    It remembers the places that were dealt, in 2 bytes each.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        self._shares = [share / sum(shares) for share in shares] if shares else []
        self._room = 1 / (2 * max(2, sum(share > 0 for share in self._shares)) - 2)
        self._counts, self._hands = [0] * len(shares), array("H")
        self._turns = array("L")

    def at(self, place: int) -> tuple[int, int]:
        """The hand that has a place, and how many places it had before."""
        while len(self._hands) <= place:
            self._deal()
        return self._hands[place], self._turns[place]

    def _deal(self) -> None:
        n = len(self._hands) + 1
        owed = [share * n - count for share, count in zip(self._shares, self._counts, strict=True)]
        open_hands = [hand for hand, share in enumerate(self._shares) if share > 0 and owed[hand] >= self._room - 1e-9]
        hand = min(open_hands, key=lambda hand: (1 - self._room - owed[hand]) / self._shares[hand])
        self._hands.append(hand)
        self._turns.append(self._counts[hand])
        self._counts[hand] += 1


class Combinations(Generic[T]):
    """Every choice of one item from each list, once, in an order in which each item comes about equally often.

    The next choice is a fixed stride further in the list of all choices, round and round. The stride has no divisor in
    common with their number, so that all come before one comes again; it is near the golden section, so that each item
    comes about as often as any other of its list. `len` is their number; 0 if a list is empty. Raises IndexError.
    """

    def __init__(self, lists: Sequence[Sequence[T]]) -> None:
        self._lists, self._number = lists, math.prod(map(len, lists))
        strides = itertools.count(max(1, round(self._number * GOLDEN)))
        self._stride = next(n for n in strides if math.gcd(n, self._number) == 1) if self._number else 0

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, position: int) -> list[T]:
        if not 0 <= position < self._number:
            raise IndexError(position)
        place, chosen = position * self._stride % self._number, list[T]()
        for items in self._lists:
            place, index = divmod(place, len(items))
            chosen.append(items[index])
        return chosen
