"""Places are dealt by shares, as exactly as whole numbers allow."""

import itertools
from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from programs.core.dealing import Combinations, Dealt

shares = st.lists(st.integers(0, 12), min_size=1, max_size=9).filter(any)


@given(shares, st.integers(0, 150))
def test_each_hand_has_its_share_at_any_time(shares: list[int], places: int) -> None:
    dealt, counts = Dealt(shares), Counter[int]()
    for place in range(places):
        hand, turn = dealt.at(place)
        assert turn == counts[hand]
        counts[hand] += 1
        for other, share in enumerate(shares):
            assert abs(counts[other] - Fraction(share, sum(shares)) * (place + 1)) < 1


@given(shares, st.integers(0, 60))
def test_what_is_dealt_does_not_depend_on_what_was_asked_before(shares: list[int], place: int) -> None:
    dealt = Dealt(shares)
    assert [dealt.at(n) for n in range(place + 1)][-1] == Dealt(shares).at(place)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_every_combination_comes_once(sizes: list[int]) -> None:
    combinations = Combinations([[*range(size)] for size in sizes])
    dealt = [tuple(combinations[position]) for position in range(len(combinations))]
    assert sorted(map(tuple, combinations)) == sorted(dealt)
    assert sorted(dealt) == [*itertools.product(*map(range, sizes))]


def test_each_item_of_a_combination_comes_about_equally_often() -> None:
    combinations = Combinations([[*range(40)], [*range(30)], [*range(20)]])
    counts = Counter(combinations[position][2] for position in range(200))
    assert set(counts) == set(range(20))
    assert max(counts.values()) - min(counts.values()) <= 2
