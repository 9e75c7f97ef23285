"""Deals places to a few hands, so that each has its share at any time, as exactly as whole numbers allow."""

from array import array
from collections.abc import Sequence


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
