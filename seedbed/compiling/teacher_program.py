"""A teacher of the cascade, with the program that was compiled for it."""

import dataclasses
from typing import Any

from metrics.calibration.frozen import Frozen
from optimize.artefact import Artefact
from programs.core.program import Program


@dataclasses.dataclass(frozen=True)
class TeacherProgram:
    """A teacher with the program that it runs. `carried`: the lineage of every row it makes.
    `frozen`: the metric that scores its rows. `acceptance`: the share of candidates, in [0, 1], that its compile
    accepted; None if no compile measured it. `artefact`: of its compile, with `frozen` as its metric; None if the
    program is uncompiled."""

    teacher: str
    program: Program
    carried: dict[str, Any]
    frozen: Frozen
    acceptance: float | None = None
    artefact: Artefact | None = None

    @property
    def compiled_for(self) -> str | None:
        """The alias that the program was compiled for; None if its prompts are as written."""
        manifest = self.artefact.manifest if self.artefact else None
        return manifest.teacher if manifest and manifest.ships == "compiled" else None
