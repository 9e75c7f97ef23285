"""A teacher of the cascade, with the program that was compiled for it."""

import dataclasses
from typing import Any

from programs.core.program import Program


@dataclasses.dataclass(frozen=True)
class TeacherProgram:
    """A teacher with the program that it runs. `carried`: what every row it makes carries.
    `acceptance`: the share of candidates, in [0, 1], that its compile saw accepted; None where none measured it."""

    teacher: str
    program: Program
    carried: dict[str, Any]
    acceptance: float | None = None
