"""Tries a judge: finds the best way to ask it, and decides whether it judges all verdicts."""

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

READABLE = 0.75  # a message format is good enough if this share of the judge's verdicts can be read
TRIALS = 4  # cases on which a message format is tried
VERDICTS = 30  # cases on which ways to ask are compared, by default
CLOSE = 0.02  # AUROC that the dearer way to ask must gain over the cheaper one


class JudgeTrial:
    """Tries judges on a few verdicts.

    Args:
        reader: makes a reader from judges and a function that is called once for each case.
        good: whether a case is good. note: called with a line that a person should see.
        checks: the number of cases on which a judge is tried before it judges all cases; None skips this trial.
        required: judges that are kept even if they are not useful.
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

    async def passes(self, judge: Judge, shown_cases: Sequence[LabelledCase], cases: Sequence[LabelledCase]) -> bool:
        """Whether a judge should judge all cases. Also sets the judge to be asked in the best way.

        A judge that gives reasons is shown verdicts. One that decides at once is also tried without, which costs less.
        """
        sample = self._spread([case for case in cases if judge.sees(case.row) and self._concerns(judge, case)])
        demos = [judge.example(case.row, good=self.good(case), reason=case.reason) for case in shown_cases]
        fitting = [demo for demo, case in zip(demos, shown_cases, strict=True) if self._concerns(judge, case)]
        demo_sets = [fitting] if judge.explains or not fitting else [[], fitting]
        required, decided = judge.aspect in self.required, len({self.good(case) for case in sample}) == 2
        if not decided or (len(demo_sets) == 1 and (required or self.checks is None)):
            judge.judge.demos = demo_sets[0]
            return await self._is_readable(judge, sample) or required
        best = await self._best_way(judge, demo_sets, sample)
        if best is None:
            self.note(f"judge {judge.aspect} is unreadable, and is not called")
        return required or (best is not None and (self.checks is None or self._promises(judge, *best, len(sample))))

    async def _best_way(
        self, judge: Judge, demo_sets: Sequence[list[dspy.Example]], cases: Sequence[LabelledCase]
    ) -> tuple[Judged, str] | None:
        """Give the judge the demos with which it does best; None if it cannot be read with any of them."""
        results = list[tuple[Judged, str, list[dspy.Example], str]]()
        for demos in demo_sets:
            judge.judge.demos = demos
            if await self._is_readable(judge, cases):
                with self.progress.task(f"judge {judge.aspect}, {len(judge.judge.demos)} demos", len(cases)) as task:
                    observations = await self.reader([judge], task).observe(cases)
                results.append((*tried(observations, judge.aspect), judge.judge.demos, judge.judge.format))
        if not results:
            return None
        best_auroc = max(figures.auroc for figures, *_ in results)
        best = next(result for result in results if result[0].auroc >= best_auroc - CLOSE)
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
        """Whether a case is good in every aspect, or has a fault that this judge should see."""
        good = case.aspect == "overall" and self.good(case)
        return good or judge.aspect not in FAULTS or case.aspect in FAULTS[judge.aspect]

    def _spread(self, cases: Sequence[LabelledCase]) -> list[LabelledCase]:
        """A few cases without scores, in a fixed shuffle; good and bad keep their proportion."""
        unread = [case for case in cases if not case.scores]
        mixed = sorted(unread, key=lambda case: hashlib.sha256(case.model_dump_json().encode()).hexdigest())
        kinds = [[case for case in mixed if self.good(case) is kind] for kind in (True, False)]
        turns = sorted(
            ((i / len(kind), case) for kind in kinds for i, case in enumerate(kind)), key=lambda turn: turn[0]
        )
        return [case for _, case in turns[: self.checks or VERDICTS]]


async def settle(rater: Rater, trial: Callable[[], Awaitable[list[Observation]]], name: str) -> bool:
    """Choose the cheapest message format in which enough verdicts of a trial can be read; False if there is none."""
    for format in formats_to_judge(tools().judge_lm, rater.judge.signature):
        rater.judge.format = format
        readable = [observation.parts.get(name) is not None for observation in await trial()]
        if readable and sum(readable) >= READABLE * len(readable):
            return True
    return False
