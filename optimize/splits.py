"""Splits by group: rows of one document stay together, and the same groups are always on the same side."""

import math
import random
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def deal(
    seeded: Collection[str],
    bare: Collection[str],
    share: float,
    *,
    folds: bool,
    kept: Mapping[str, bool],
    apart: bool = False,
) -> frozenset[str]:
    """The groups to hold out: about `share` of all. At most a third of them have seeds, if there are enough others.

    Labels are precious, so groups without any (`bare`) are held out first. Some groups with labels must be held out
    too, to measure against people's answers. With `folds`, which measure this, no group with labels is held out.
    `kept`: for groups dealt earlier, whether they are held out. They keep their side, and only new groups are dealt.
    `apart`: seeds are other texts than the sources, so that the share is held out of each alone.
    """
    if apart:
        sides = (
            deal(groups, [], share, folds=False, kept=kept) for groups in (bare, () if folds else seeded) if groups
        )
        return frozenset().union(*sides)
    quota = max(2, round(share * len({*seeded, *bare})))
    seeded_quota = max(math.ceil(quota / 3), quota - len(bare))
    held_out = set[str]() if folds else _dealt(seeded, seeded_quota, kept)
    return frozenset(held_out | _dealt(bare, max(1, quota - len(held_out)), kept, spare=0 if len(bare) == 1 else 1))


def _dealt(groups: Collection[str], n: int, kept: Mapping[str, bool], spare: int = 1) -> set[str]:
    """About n of the groups: those held out earlier, then new ones. At least `spare` groups are left."""
    earlier = {group for group in groups if kept.get(group)}
    new = _shuffled((group for group in groups if group not in kept), 0)
    return earlier | set(new[: max(0, min(n, len(groups) - spare) - len(earlier))])


def fold_groups(groups: Iterable[Hashable], k: int, seed: int = 0) -> list[list[str]]:
    """Split distinct group names into k folds whose sizes differ by at most one. Empty folds are left out.

    The fold of a group depends on the set of names and the seed, not on the order of names.
    """
    names = _shuffled(groups, seed)
    return [sorted(names[fold::k]) for fold in range(min(k, len(names)))]


def spread(items: Sequence[T], n: int) -> list[T]:
    """n of the items, evenly spread from first to last; all items where there are at most n."""
    if len(items) <= n:
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * n)] for i in range(n)]


def even_shares(sizes: Sequence[int], n: int) -> list[int]:
    """How many items to take from each pile to get n in all, as evenly as the piles' sizes allow.

    With more than n piles, the piles to take from are evenly spread.
    """
    shares = [0] * len(sizes)
    while n and (open_piles := [pile for pile, size in enumerate(sizes) if shares[pile] < size]):
        for pile in spread(open_piles, n):
            shares[pile] += 1
            n -= 1
    return shares


def _shuffled(groups: Iterable[Hashable], seed: int) -> list[str]:
    names = sorted({str(group) for group in groups})
    random.Random(f"split {seed}").shuffle(names)
    return names
