"""How far a search goes: `compile.budget` as numbers, the same ones for every optimizer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    """The size of a search.

    Attributes:
        glance, probe, select: examples a variant is scored on at first sight, while narrowing, and at the end.
        demos: the most shown. sets: how many ways an optimizer tries: demo sets, instructions, proposals.
        nearest: try demos chosen per call by embedding; they cost a cold prompt each time.
    """

    glance: int
    probe: int
    select: int
    demos: int
    sets: int
    nearest: bool


BUDGETS = {
    "light": Budget(3, 8, 12, 4, 3, nearest=False),
    "medium": Budget(4, 12, 24, 8, 8, nearest=True),
    "heavy": Budget(8, 24, 48, 8, 16, nearest=True),
}
