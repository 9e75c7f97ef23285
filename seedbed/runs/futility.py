"""Stops a run that makes no rows, before it costs more."""

import math
from collections.abc import Iterable

from optimize.scoring import Scored, commonest
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.sections import RunSettings
from seedbed.runs.advice import advice
from seedbed.runs.outcome import Outcome

LEAST = 40  # the smallest number of empty sources in a row; used alone if no acceptance was measured
FALSE_STOPS = 0.01


def patience(acceptance: float | None, sources: int) -> int:
    """How many sources in a row may give no row before a run stops.

    Let a run have at most `sources` sources, each of which gives a row with probability p. The probability that some n
    in a row are all empty is at most (1 - p)^n (1 + p * sources), since they begin at the first source, or right behind
    one that gave a row. Returns the smallest n, but at least LEAST, for which this is at most FALSE_STOPS. p is
    `acceptance`, the share of candidates in [0, 1] that the compile accepted; a source with several candidates gives a
    row at least as often. Returns LEAST if it is 0 or was not measured.
    """
    if not acceptance or acceptance == 1:
        return LEAST
    return max(LEAST, math.ceil(math.log(FALSE_STOPS / (1 + acceptance * sources)) / math.log1p(-acceptance)))


def most_empty(cascade: Iterable[TeacherProgram], run: RunSettings) -> int | None:
    """How many sources in a row may give no row in a run with these settings; None if another limit ends the run
    earlier, or with keep_going. In a cascade the highest acceptance counts, because all teachers try a source."""
    most = patience(max(member.acceptance or 0.0 for member in cascade), run.candidates)
    return None if run.keep_going or most >= run.candidates else most


class Futility:
    """Counts the consecutive sources without a row that passed the gate, in the order of their commits.

    A source counts once, because its candidates are alike: all unreadable or all of one task. An outcome from the
    journal is skipped, because it costs nothing now. A row that repeats an earlier row counts as a row. A source whose
    call failed counts as empty, because a server may refuse every call.
    """

    def __init__(self, most: int | None) -> None:
        self._most, self._sources, self._fruitful = most, 0, False
        self._empty = list[Scored]()

    def see(self, outcome: Outcome) -> None:
        """Count the outcome of one more source."""
        if not outcome.paid:
            return
        if outcome.passed:
            self._sources, self._fruitful = 0, True
            self._empty.clear()
            return
        self._sources += 1
        self._empty += [scored for attempt in outcome.tries for scored in attempt.scored]

    def room(self, pending: int) -> bool:
        """Whether the run would still need one more source if all `pending` ones, which are not committed yet, were
        empty. Always true once a row was made."""
        return self._fruitful or self._most is None or self._sources + pending < self._most

    @property
    def verdict(self) -> str | None:
        """Why the run stops; None while it continues."""
        if self._most is None or self._sources < self._most:
            return None
        reasons, glimpse = commonest(self._empty)
        reason, count = next(iter(reasons.items()))
        return (
            f"nothing came of {self._sources} sources in a row: {reason}, {count} times, such as '{glimpse}'; "
            f"try {advice(reason)}; or continue with --keep-going"
        )
