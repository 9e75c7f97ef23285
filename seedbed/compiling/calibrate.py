"""Calibration: reads people's verdicts, keeps the useful judges, and fits and freezes the metric."""

import functools
import hashlib
import json
import random
from collections.abc import Callable, Collection, Sequence

from metrics.calibration.calibrate import Calibration, calibrate, evidence_alone
from metrics.calibration.frozen import Frozen, uncalibrated
from metrics.calibration.observations import Alike
from metrics.calibration.predictions import Prediction
from metrics.calibration.readings import PREFERENCE, Case, Reader, judge_names
from metrics.calibration.usefulness import worth_of
from metrics.calibration.verdicts import LabelledCase, Preference, middle
from metrics.likelihood import LIKELIHOOD
from programs.core.embedding import Embed
from programs.judges.judge import Judge, Pairwise
from seedbed.compiling.judge_trial import TRIALS, JudgeTrial, settle
from seedbed.models.cross_encoder import Entailment
from seedbed.progress import Progress
from seedbed.versions import versions

SHOWN, SHOWN_GROUPS = 4, 2  # cases in a judge's prompt, and their documents, on which the judge is not checked
FEWEST = 10  # an aspect with at least so many verdicts of the rarer kind is calibrated by itself


class Calibrator:
    """Freezes a metric from labelled cases.

    Args:
        embed, embedder: the embedding and its name. cross_encoder: the name of one, for more evidence.
        judges: the judges of rows. pairwise: the judge of preferences.
        writer: the alias that judges. teacher: the alias that writes; a note warns if it judges its own rows.
        required: judges that are kept even if they are not useful, because a row needs their yes.
        checks: the number of cases on which a judge is tried before it judges all cases; None skips this trial.
        reader: the identity of the judge's model if it scores how likely answers are; else empty. A teacher does not
        score its own answers: it wrote the likeliest ones, and verdicts on other rows say nothing about these.
        english: rules for English words apply.
        worked: returns the seconds of model work so far, including those of replayed calls.
        showable: whether a judge's prompt may show a case (its document is not held out).
        grouped: gives cases the full names of their groups, so that each document has one name.

    `predictions` of the verdicts are there once a metric is frozen.
    """

    def __init__(
        self,
        embed: Embed,
        embedder: str,
        progress: Progress,
        *,
        judges: Sequence[Judge] = (),
        pairwise: Pairwise | None = None,
        cross_encoder: str | None = None,
        writer: str = "",
        teacher: str = "",
        required: Collection[str] = (),
        checks: int | None = None,
        reader: str = "",
        english: bool = True,
        worked: Callable[[], float] = float,
        showable: Callable[[LabelledCase], bool] = lambda case: True,
        grouped: Callable[[Sequence[Case]], list[Case]] = list,
    ) -> None:
        self.embed, self.embedder, self.progress, self.cross_encoder = embed, embedder, progress, cross_encoder
        self.judges, self.pairwise, self.writer, self.teacher = list(judges), pairwise, writer, teacher
        self.required, self.checks, self.showable = frozenset(required), checks, showable
        self.grouped, self.worked, self.english, self.digest = grouped, worked, english, ""
        self.reader = "" if self._reads_itself else reader
        self.middle, self.notes, self.predictions = 0.5, list[str](), list[Prediction]()

    async def frozen(self, cases: Sequence[Case]) -> Frozen:
        """The metric fitted to these cases: to the rows if there are any, else to the preferences, which can only
        compare. Raises Alike, with a sentence for people, if all labels are of one kind."""
        self.digest, cases = _digest(cases), self.grouped(cases)
        rows = [case for case in cases if isinstance(case, LabelledCase)]
        pairs = [case for case in cases if isinstance(case, Preference)]
        if rows and pairs:
            self.progress.say(f"{len(pairs)} preferences are left out: a metric is fitted to rows or to preferences")
        return await (self._rows(rows) if rows else self._pairs(pairs))

    def uncalibrated(self) -> Frozen:
        """Prior weights and all judges: the metric while there are no verdicts."""
        return self._priors(self.judges)

    async def _rows(self, cases: Sequence[LabelledCase]) -> Frozen:
        """The metric of rows, and beside it the fit of each judge with a view of its own, to the verdicts on its
        aspect: these are not about the row as a whole."""
        cases = [case for case in cases if not case.row.refuses]  # a run weighs these by the priors
        if not cases:
            raise Alike("Calibration needs rows with an answer; there are none.")
        own = {judge.aspect: judge for judge in self.judges if judge.view}
        shared = [judge for judge in self.judges if not judge.view]
        on_rows = [case for case in cases if case.aspect not in own]
        frozen = await self._fitted(on_rows, shared) if on_rows else self._priors(shared)
        for aspect, judge in own.items():
            if on_view := [case for case in cases if case.aspect == aspect]:
                frozen = _beside(frozen, aspect, await self._fitted(on_view, [judge], evidence=False))
        return frozen

    def _priors(self, judges: Sequence[Judge]) -> Frozen:
        return uncalibrated(list(judges), self.embedder, self.cross_encoder)

    async def _fitted(
        self, cases: Sequence[LabelledCase], candidates: Sequence[Judge], *, evidence: bool = True
    ) -> Frozen:
        """The metric fitted to these cases, with those of the candidates that are of use."""
        self.middle = middle([case.label for case in cases])
        unread = [case for case in cases if not case.scores]
        shown_cases = self._shown_cases(unread) if candidates and unread else []
        judged_cases = _other_units(cases, shown_cases)
        trial = JudgeTrial(
            functools.partial(self._reader, evidence=evidence),
            self.progress,
            good=self._good,
            note=self._note,
            checks=self.checks,
            required=self.required,
        )
        judges = (
            [judge for judge in candidates if await trial.passes(judge, shown_cases, judged_cases)] if unread else []
        )
        shown_cases, cases = (shown_cases, judged_cases) if any(judge.judge.demos for judge in judges) else ([], cases)
        before = self.worked()
        with self.progress.task("read the verdicts", len(cases)) as task:
            observations = await self._reader(
                judges, task, reads=evidence and bool(self.reader), evidence=evidence
            ).observe(cases)
        names = judge_names(observations)
        fitted, figures, predictions = calibrate(observations, names)
        self.predictions += predictions
        self._report(figures, (self.worked() - before) / len(cases))
        useful = {name for name, judged in figures.judges.items() if judged.useful}
        by_aspect = {
            aspect: calibrate([observations[i] for i in rows], names) for aspect, rows in self._by_aspect(cases).items()
        }
        return Frozen(
            fitted=fitted,
            alone=evidence_alone(fitted, observations, names) if useful else None,
            figures=self._noted(figures, shown_cases),
            aspects={aspect: calibrated.figures for aspect, calibrated in by_aspect.items()},
            fits={aspect: calibrated.fitted for aspect, calibrated in by_aspect.items()},
            judges={judge.aspect: judge.dump_state() for judge in judges if judge.aspect in self.required | useful},
            reader=self.reader if LIKELIHOOD in useful else "",
            shown=sorted({case.group for case in shown_cases if case.group}) if judges else [],
            judge=self.writer if judges or self.reader else "",
            embedder=self.embedder,
            cross_encoder=self.cross_encoder,
            verdicts=self.digest,
            versions=versions(),
        )

    async def _pairs(self, pairs: Sequence[Preference]) -> Frozen:
        unread = [pair for pair in pairs if not pair.scores]
        judge = self.pairwise if unread else None
        if judge and not await settle(
            judge, lambda: self._reader([], lambda: None).observe(unread[:TRIALS]), PREFERENCE
        ):
            self._note("the judge of preferences is unreadable, and is not called")
            judge = self.pairwise = None
        with self.progress.task("read the preferences", len(pairs)) as task:
            observations = await self._reader([], task).observe(pairs)
        fitted, figures, self.predictions = calibrate(observations, judge_names(observations))
        return Frozen(
            fitted=fitted,
            figures=self._noted(figures, []),
            pairwise=judge.dump_state() if judge else None,
            judge=self.writer if judge else "",
            embedder=self.embedder,
            cross_encoder=self.cross_encoder,
            verdicts=self.digest,
            versions=versions(),
            pairs=True,
        )

    def _reader(
        self, judges: Sequence[Judge], advance: Callable[[], None], *, reads: bool = False, evidence: bool = True
    ) -> Reader:
        return Reader(
            self.embed,
            judges=judges,
            pairwise=self.pairwise,
            entail=Entailment(self.cross_encoder) if self.cross_encoder else None,
            writer=self.writer,
            heard=advance,
            reads=reads,
            evidence=evidence,
            english=self.english,
        )

    def _report(self, figures: Calibration, seconds: float) -> None:
        """Say how good each judge is, whether it is used, and its cost: a line for each."""
        for name, judged in figures.judges.items():
            use = "is used" if judged.useful else "is not called"
            self.progress.say(f"{worth_of(name, judged)}; {use} ({seconds:.1f} s a row for all models called)")

    def _shown_cases(self, cases: Sequence[LabelledCase]) -> list[LabelledCase]:
        """A few cases on one or two documents, good and bad in turn, for the judges' prompts; none if too few
        documents would be left."""
        groups = sorted({case.unit for case in cases if case.reason and case.made == "person" and self.showable(case)})
        random.Random("shown").shuffle(groups)
        if len({case.unit for case in cases}) < 3 * SHOWN_GROUPS:
            return []
        candidates = [case for case in cases if case.unit in groups[:SHOWN_GROUPS] and case.reason]
        good, bad = ([case for case in candidates if self._good(case) is kind][: SHOWN // 2] for kind in (True, False))
        shown_cases = [case for pair in zip(good, bad, strict=False) for case in pair]
        return shown_cases if len({self._good(case) for case in _other_units(cases, shown_cases)}) == 2 else []

    def _note(self, line: str) -> None:
        self.progress.say(line)
        self.notes.append(line)

    def _by_aspect(self, cases: Sequence[LabelledCase]) -> dict[str, list[int]]:
        """Aspect -> the indices of its own cases and of the overall good ones; aspects with few cases are left out."""
        by_aspect = dict[str, list[int]]()
        for aspect in sorted({case.aspect for case in cases} - {"overall"}):
            own = [i for i, case in enumerate(cases) if case.aspect == aspect]
            good = [i for i, case in enumerate(cases) if case.aspect == "overall" and self._good(case)]
            rows = sorted({*own, *good})
            kinds = [self._good(cases[i]) for i in rows]
            if min(kinds.count(True), kinds.count(False)) >= FEWEST:
                by_aspect[aspect] = rows
        return by_aspect

    @property
    def _reads_itself(self) -> bool:
        return bool(self.writer) and self.writer == self.teacher

    def _good(self, case: LabelledCase) -> bool:
        return case.label > self.middle

    def _noted(self, figures: Calibration, shown_cases: Sequence[LabelledCase]) -> Calibration:
        notes = [*self.notes, *figures.notes]
        if self._reads_itself and figures.judges:
            notes.append(f"judge and teacher are one model ({self.writer}): it may be kind to its own rows")
        if shown_cases:
            units = ", ".join(sorted({case.unit for case in shown_cases}))
            notes.append(
                f"{len(shown_cases)} verdicts are shown to the judges; the others on {units} are not counted here"
            )
        return figures.model_copy(update={"notes": notes})


def _beside(frozen: Frozen, aspect: str, own: Frozen) -> Frozen:
    """The metric with the fit of one judge that has a view of its own."""
    return frozen.model_copy(
        update={
            "aspects": {**frozen.aspects, aspect: own.figures},
            "fits": {**frozen.fits, aspect: own.fitted},
            "judges": {**frozen.judges, **own.judges},
            "shown": sorted({*frozen.shown, *own.shown}),
            "judge": frozen.judge or own.judge,
            "verdicts": own.verdicts,
            "versions": own.versions,
        }
    )


def _other_units(cases: Sequence[LabelledCase], shown_cases: Sequence[LabelledCase]) -> list[LabelledCase]:
    """The cases that share no document with the shown cases."""
    units = {case.unit for case in shown_cases}
    return [case for case in cases if case.unit not in units]


def _digest(cases: Sequence[Case]) -> str:
    """A hash of the verdicts as written in their file, so that new documents do not change it."""
    lines = sorted(json.dumps(case.model_dump(mode="json"), sort_keys=True) for case in cases)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
