"""When a run that makes nothing stops, before more is paid for nothing."""

import collections
import math

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
        self._most, self._empty = most, 0
        self._reasons = collections.Counter[str]()
        self._glimpses = dict[str, str]()

    def see(self, outcome: Outcome) -> None:
        """What became of one more source."""
        if outcome.passed and not outcome.remembered:
            self._most = None
        if outcome.failed or outcome.remembered or self._most is None:
            return
        for scored in outcome.tries[0].scored:
            if drop := scored.worth.drop:
                self._empty += 1
                self._reasons[drop.reason] += 1
                self._glimpses.setdefault(drop.reason, scored.glimpse)

    @property
    def verdict(self) -> str | None:
        """Why the run stops; None as long as it goes on."""
        if self._most is None or self._empty < self._most:
            return None
        (reason, count), *_ = self._reasons.most_common(1)
        return (
            f"nothing came of {self._empty} candidates: {reason}, {count} of them, such as '{self._glimpses[reason]}'; "
            f"try {advice(reason)}; or go on with --keep-going"
        )
