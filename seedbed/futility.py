"""When a run that makes nothing stops, before more is paid for nothing."""

import math

from optimize.scoring import Scored, commonest
from seedbed.advice import advice
from seedbed.attempts import Outcome

LEAST, UNMEASURED = 20, 40  # candidates
FALSE_STOPS = 0.01


def most_empty(acceptance: float | None) -> int:
    """After how many candidates, none of them accepted, a run stops.

    `acceptance`: the share in [0, 1] that the compile measured. Of a hundred runs that accept so much at most one is
    stopped: so many candidates in a row all fall with a probability of (1 - acceptance) ** n. LEAST at any rate, for
    the documents of a run are others than those it was measured on; UNMEASURED where it is 0 or not known.
    """
    if not acceptance:
        return UNMEASURED
    if acceptance == 1:
        return LEAST
    return max(LEAST, math.ceil(math.log(FALSE_STOPS) / math.log1p(-acceptance)))


class Futility:
    """Counts what an invocation of a run makes, in the order of its commits, until the first row.

    What the journal has from before costs nothing and is not counted, nor is a source whose calls failed. A row that
    only repeats an earlier one was made. Of a cascade the first teacher's candidates count, whose acceptance is known.
    """

    def __init__(self, most: int | None) -> None:
        self._most, self._empty = most, list[Scored]()

    def see(self, outcome: Outcome) -> None:
        """What became of one more source."""
        if outcome.passed and not outcome.remembered:
            self._most = None
        if outcome.failed or outcome.remembered or self._most is None:
            return
        self._empty += [scored for scored in outcome.tries[0].scored if not scored.accepted]

    @property
    def verdict(self) -> str | None:
        """Why the run stops; None as long as it goes on."""
        if self._most is None or len(self._empty) < self._most:
            return None
        reasons, glimpse = commonest(self._empty)
        reason, count = next(iter(reasons.items()))
        return (
            f"nothing came of {len(self._empty)} candidates: {reason}, {count} of them, such as '{glimpse}'; "
            f"try {advice(reason)}; or go on with --keep-going"
        )
