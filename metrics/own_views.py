"""Judges that look at something else than the row itself, such as an evolved prompt beside its parent.

Verdicts for such a judge are about its view and not about the row, so each has a fit of its own, and the least
probability counts.
"""

from collections.abc import Callable, Mapping, Sequence

from metrics.calibration.fit import Fitted, stated
from metrics.worth import Worth, low_score, rejected, scored
from programs.core.row import Candidate, Drop
from programs.judges.judge import Judge, Verdict

Record = Callable[[Worth, Judge, Verdict, Candidate], Drop | None]
"""Records a verdict in a worth; returns the rejection by a judge that the recipe requires."""


class OwnViews:
    """The judges with views of their own.

    Args:
        judges: of the metric. fits: their readings -> probability, by aspect; a judge without one is taken at its word.

    `fitted` are the fits that it was given; `fits` are those of all judges.
    """

    def __init__(self, judges: Sequence[Judge], fits: Mapping[str, Fitted]) -> None:
        self.judges, self.fitted = list(judges), dict(fits)
        self.fits = {judge.aspect: fits.get(judge.aspect) or stated([judge.aspect]) for judge in judges}

    @property
    def identity(self) -> list[str]:
        """What a score depends on besides the judges themselves."""
        return [f"{aspect} {fit.model_dump_json()}" for aspect, fit in sorted(self.fits.items())]

    async def least(
        self, row: Candidate, worth: Worth, record: Record, *, threshold: float | None = None, gate: bool = False
    ) -> Worth:
        """The worth with the least probability, of the row and of the view of each judge. Stops at the first rejection:
        by a judge that the recipe requires and, as a `gate`, by a probability below the threshold, by default that of
        the judge's fit. A judge without a fit keeps its own: the probability of its plain yes is about 0.7."""
        for judge in self.judges:
            if not judge.sees(row):
                continue
            if drop := record(worth, judge, await judge.acall(row), judge.looks_at(row)):
                return rejected(worth, drop)
            fit, reading = self.fits[judge.aspect], worth.parts.get(judge.aspect)
            probability = worth.score if reading is None else fit.probability({judge.aspect: reading})
            if probability < worth.score:
                worth = scored(worth, probability, judge.aspect)
            bar = threshold if threshold is not None and judge.aspect in self.fitted else fit.threshold
            if gate and probability < bar:
                return worth.model_copy(update={"drop": low_score(worth)})
        return worth
