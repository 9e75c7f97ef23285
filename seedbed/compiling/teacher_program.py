"""A teacher of the cascade, with the program that was compiled for it."""

import dataclasses
from typing import Any

from programs.core.program import Program


@dataclasses.dataclass(frozen=True)
class TeacherProgram:
    """A teacher with the program that it runs. `carried`: the lineage of every row it makes.
    `acceptance`: the share of candidates, in [0, 1], that its compile accepted; None if no compile measured it."""

    teacher: str
    program: Program
    carried: dict[str, Any]
    acceptance: float | None = None
