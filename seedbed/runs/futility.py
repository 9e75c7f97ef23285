"""When a run that makes nothing stops, before more is paid for nothing."""

import math
from collections.abc import Iterable

from optimize.scoring import Scored, commonest
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.config.sections import RunSettings
from seedbed.runs.advice import advice
from seedbed.runs.outcome import Outcome

LEAST = 40  # sources in a row, and all there is to go by where no acceptance was measured
FALSE_STOPS = 0.01


def patience(acceptance: float | None, sources: int) -> int:
    """How many sources in a row may give nothing before a run stops.

    Of a run of so many `sources` at most, each of which gives a row with probability p, some n in a row are all empty
    with a probability of at most (1 - p)^n (1 + p * sources): they begin at the first source, or right behind one that
    gave a row. n is the smallest, LEAST at any rate, for which that is FALSE_STOPS or less. For p stands `acceptance`,
    the share of candidates in [0, 1] that the compile saw accepted; a source of several candidates gives a row at
    least as often. LEAST where it is 0 or was not measured.
    """
    if not acceptance or acceptance == 1:
        return LEAST
    return max(LEAST, math.ceil(math.log(FALSE_STOPS / (1 + acceptance * sources)) / math.log1p(-acceptance)))


def most_empty(cascade: Iterable[TeacherProgram], run: RunSettings) -> int | None:
    """How many sources in a row may give nothing in a run by these settings; None where another limit ends it before,
    or it keeps going. Of a cascade the teacher that is accepted most counts: a source is tried by all."""
    most = patience(max(member.acceptance or 0.0 for member in cascade), run.candidates)
    return None if run.keep_going or most >= run.candidates else most


class Futility:
    """Counts the sources in a row of which nothing passed the gate, in the order of their commits.

    A source counts once: its candidates are alike, all unreadable or all of one task. What the journal had from before
    was not paid for now, and is passed over. A row that only repeats an earlier one was made. A source whose call
    failed counts: a server may refuse every one.
    """

    def __init__(self, most: int | None) -> None:
        self._most, self._sources, self._fruitful = most, 0, False
        self._empty = list[Scored]()

    def see(self, outcome: Outcome) -> None:
        """What became of one more source."""
        if not outcome.paid:
            return
        if outcome.passed:
            self._sources, self._fruitful = 0, True
            self._empty.clear()
            return
        self._sources += 1
        self._empty += [scored for one in outcome.tries for scored in one.scored]

    def room(self, begun: int) -> bool:
        """Whether a source beside the `begun` ones whose turn has not come would be looked at, should all of them be
        empty. Once a row was made it is taken to be."""
        return self._fruitful or self._most is None or self._sources + begun < self._most

    @property
    def verdict(self) -> str | None:
        """Why the run stops; None as long as it goes on."""
        if self._most is None or self._sources < self._most:
            return None
        reasons, glimpse = commonest(self._empty)
        reason, count = next(iter(reasons.items()))
        return (
            f"nothing came of {self._sources} sources in a row: {reason}, {count} times, such as '{glimpse}'; "
            f"try {advice(reason)}; or go on with --keep-going"
        )
