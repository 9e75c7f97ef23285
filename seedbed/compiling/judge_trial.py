"""A judge on trial: how it is best asked, and whether it is put to all verdicts."""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence

import dspy

from metrics.calibration.observations import Observation
from metrics.calibration.readings import Reader
from metrics.calibration.report import Judged
from metrics.calibration.usefulness import tried
from metrics.calibration.verdicts import LabelledCase
from programs.core.tools import tools
from programs.formats.formats import formats_to_judge
from programs.judges.judge import FAULTS, Judge
from programs.judges.rater import Rater
from seedbed.progress import Progress

READABLE = 0.75  # the share of a judge's verdicts that must be readable for its message format to do
TRIALS = 4  # cases a message format is tried on
VERDICTS = 30  # cases on which ways to ask are compared where nobody says how many
CLOSE = 0.02  # of AUROC: what costs more must bring more than this


class JudgeTrial:
    """Tries judges on a few verdicts.

    Args:
        reader: takes the readings of judges; it is told what to call once a case. good: a case's kind.
        note: told what a person should know. checks: cases a judge is tried on before it is put to all of them; None
        puts it to all at once. required: judges that are kept even where they are of no use.
    """

    def __init__(
        self,
        reader: Callable[[Sequence[Judge], Callable[[], None]], Reader],
        progress: Progress,
        *,
        good: Callable[[LabelledCase], bool],
        note: Callable[[str], None],
        checks: int | None,
        required: Collection[str],
    ) -> None:
        self.reader, self.progress, self.good, self.note = reader, progress, good, note
        self.checks, self.required = checks, required

    async def passes(self, judge: Judge, shown: Sequence[LabelledCase], cases: Sequence[LabelledCase]) -> bool:
        """Whether a judge is worth putting to all cases; it is then set to be asked in the best way.

        One that gives a reason is shown verdicts; one that decides at once may do as well without, at less cost.
        """
        some = self._spread([case for case in cases if judge.sees(case.row) and self._concerns(judge, case)])
        demos = [judge.example(case.row, good=self.good(case), reason=case.reason) for case in shown]
        fitting = [demo for demo, case in zip(demos, shown, strict=True) if self._concerns(judge, case)]
        ways = [fitting] if judge.explains or not fitting else [[], fitting]
        required, decided = judge.aspect in self.required, len({self.good(case) for case in some}) == 2
        if not decided or (len(ways) == 1 and (required or self.checks is None)):
            judge.judge.demos = ways[0]
            return await self._is_readable(judge, some) or required
        best = await self._best_way(judge, ways, some)
        if best is None:
            self.note(f"judge {judge.aspect} is unreadable, and is not called")
        return required or (best is not None and (self.checks is None or self._promises(judge, *best, len(some))))

    async def _best_way(
        self, judge: Judge, ways: Sequence[list[dspy.Example]], cases: Sequence[LabelledCase]
    ) -> tuple[Judged, str] | None:
        """Set the judge to show the demos with which it tells the cases best; None where it can be read with none."""
        found = list[tuple[Judged, str, list[dspy.Example], str]]()
        for way in ways:
            judge.judge.demos = way
            if await self._is_readable(judge, cases):
                with self.progress.task(f"judge {judge.aspect}, {len(judge.judge.demos)} demos", len(cases)) as heard:
                    observations = await self.reader([judge], heard).observe(cases)
                found.append((*tried(observations, judge.aspect), judge.judge.demos, judge.judge.format))
        if not found:
            return None
        most = max(figures.auroc for figures, *_ in found)
        best = next(one for one in found if one[0].auroc >= most - CLOSE)
        figures, contradiction, judge.judge.demos, judge.judge.format = best
        return figures, contradiction

    def _promises(self, judge: Judge, figures: Judged, contradiction: str, n: int) -> bool:
        if contradiction:
            self.note(contradiction)
        if not figures.promises:
            self.note(
                f"judge {judge.aspect}: AUROC {figures.auroc:.2f} [{figures.auroc_low:.2f}, {figures.auroc_high:.2f}] "
                f"on {n} verdicts, {figures.coverage:.0%} readable: of no use on these labels, and not called"
            )
        return figures.promises

    async def _is_readable(self, judge: Judge, cases: Sequence[LabelledCase]) -> bool:
        reader = self.reader([judge], lambda: None)
        return await settle(judge, lambda: reader.observe(cases[:TRIALS]), judge.aspect)

    def _concerns(self, judge: Judge, case: LabelledCase) -> bool:
        """Whether a case is good all over, or has a fault that this judge should see."""
        good = case.aspect == "overall" and self.good(case)
        return good or judge.aspect not in FAULTS or case.aspect in FAULTS[judge.aspect]

    def _spread(self, cases: Sequence[LabelledCase]) -> list[LabelledCase]:
        """A few cases without scores by a fixed shuffle, good and bad in the proportion there is."""
        unread = [case for case in cases if not case.scores]
        mixed = sorted(unread, key=lambda case: hashlib.sha256(case.model_dump_json().encode()).hexdigest())
        kinds = [[case for case in mixed if self.good(case) is kind] for kind in (True, False)]
        turns = sorted(
            ((i / len(kind), case) for kind in kinds for i, case in enumerate(kind)), key=lambda turn: turn[0]
        )
        return [case for _, case in turns[: self.checks or VERDICTS]]


async def settle(rater: Rater, trial: Callable[[], Awaitable[list[Observation]]], name: str) -> bool:
    """Choose the first message format, the cheapest first, in which enough of a trial's verdicts can be read."""
    for format in formats_to_judge(tools().judge_lm, rater.judge.signature):
        rater.judge.format = format
        read = [one.parts.get(name) is not None for one in await trial()]
        if read and sum(read) >= READABLE * len(read):
            return True
    return False
