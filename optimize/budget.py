"""How far a search goes: `compile.budget` as numbers, the same ones for every optimizer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    """The size of a search.

    Attributes:
        rungs: on how many examples a race scores its variants, rung after rung; each rung leaves the better half.
        demos: the most shown. sets: how many ways an optimizer tries: demo sets, instructions, proposals.
        nearest: try demos chosen per call by embedding; they cost a cold prompt each time.
    """

    rungs: tuple[int, ...]
    demos: int
    sets: int
    nearest: bool

    @property
    def select(self) -> int:
        """Examples on which the last variants are compared, and an optimizer's are."""
        return self.rungs[-1]


BUDGETS = {
    "quick": Budget((3, 6), 4, 2, nearest=False),
    "light": Budget((4, 8, 16), 4, 3, nearest=False),
    "medium": Budget((6, 12, 24), 8, 8, nearest=True),
    "heavy": Budget((12, 24, 48), 8, 16, nearest=True),
}
