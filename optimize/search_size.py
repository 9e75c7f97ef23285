"""The size of a search: `compile.budget` as numbers, the same for every optimizer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SearchSize:
    """The size of a search.

    Attributes:
        rungs: the numbers of examples on which a race scores its variants; after each rung the better half remains.
        demos: the most demos in a prompt. sets: how many demo sets, instructions or proposals an optimizer tries.
        nearest: try demos chosen per call by embedding; each call then has a cold prompt.
    """

    rungs: tuple[int, ...]
    demos: int
    sets: int
    nearest: bool

    @property
    def select(self) -> int:
        """The number of examples on which the last variants, and those of an optimizer, are compared."""
        return self.rungs[-1]


SIZES = {
    "quick": SearchSize((3, 6), 4, 2, nearest=False),
    "light": SearchSize((4, 8, 16), 4, 3, nearest=False),
    "medium": SearchSize((6, 12, 24), 8, 8, nearest=True),
    "heavy": SearchSize((12, 24, 48), 8, 16, nearest=True),
}
