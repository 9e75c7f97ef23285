"""Splits by group: what is of one document stays together, and the same groups always fall on the same side."""

import math
import random
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def deal(
    seeded: Collection[str], bare: Collection[str], share: float, *, folds: bool, kept: Mapping[str, bool]
) -> frozenset[str]:
    """The groups that are held out: about `share` of all, a third of them with seeds at most.

    Labels are precious, so groups without any (`bare`) go first; some with labels must be held out too, or nothing
    could be measured against people's answers. With `folds`, which do that, none with labels is. `kept` are the sides
    already dealt, whether held out: these stay otherwise, and the others are dealt in.
    """
    quota = max(2, round(share * len({*seeded, *bare})))
    from_seeded = max(math.ceil(quota / 3), quota - len(bare))
    held = set[str]() if folds else _dealt(seeded, from_seeded, kept)
    return frozenset(held | _dealt(bare, max(1, quota - len(held)), kept, spare=0 if len(bare) == 1 else 1))


def _dealt(groups: Collection[str], n: int, kept: Mapping[str, bool], spare: int = 1) -> set[str]:
    """About n of the groups, `spare` at least left: those that were, and as many others as are missing."""
    held = {group for group in groups if kept.get(group)}
    others = _shuffled((group for group in groups if group not in kept), 0)
    return held | set(others[: max(0, min(n, len(groups) - spare) - len(held))])


def fold_groups(groups: Iterable[Hashable], k: int, seed: int = 0) -> list[list[str]]:
    """Part distinct group names into k folds whose sizes differ by one at most; empty folds are left out.

    Which fold a group falls into depends on the set of names and the seed, not on their order.
    """
    names = _shuffled(groups, seed)
    return [sorted(names[fold::k]) for fold in range(min(k, len(names)))]


def spread(items: Sequence[T], n: int) -> list[T]:
    """n of the items, evenly spread from first to last; all of them where there are no more."""
    if len(items) <= n:
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * n)] for i in range(n)]


def even_shares(sizes: Sequence[int], n: int) -> list[int]:
    """How many to take of each pile so that they make n in all, as even as the piles' sizes allow.

    Where there are more piles than n, the piles taken from are evenly spread.
    """
    shares = [0] * len(sizes)
    while n and (open := [pile for pile, size in enumerate(sizes) if shares[pile] < size]):
        for pile in spread(open, n):
            shares[pile] += 1
            n -= 1
    return shares


def _shuffled(groups: Iterable[Hashable], seed: int) -> list[str]:
    names = sorted({str(group) for group in groups})
    random.Random(f"split {seed}").shuffle(names)
    return names
