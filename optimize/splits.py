"""Splits by group: what is of one document stays together, and the same groups always fall on the same side."""

import random
from collections.abc import Hashable, Iterable


def split_groups(groups: Iterable[Hashable], share: float, seed: int = 0) -> tuple[list[str], list[str]]:
    """Part distinct group names into (kept, held out), about `share` of them held out.

    With two groups or more each side gets at least one; a single group is kept. Which groups depends on the
    set of names and the seed, not on their order.
    """
    names = sorted({str(group) for group in groups})
    random.Random(f"split {seed}").shuffle(names)
    held = min(max(round(len(names) * share), 1), len(names) - 1) if len(names) > 1 else 0
    return sorted(names[held:]), sorted(names[:held])
