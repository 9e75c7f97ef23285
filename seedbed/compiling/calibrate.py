"""Calibration: people's verdicts are read, judges that are of use are kept, and the metric is fitted and frozen."""

import hashlib
import json
import random
from collections.abc import Callable, Collection, Sequence

from metrics.calibration.calibrate import Calibration, calibrate, evidence_alone
from metrics.calibration.frozen import Frozen, uncalibrated
from metrics.calibration.observations import Alike
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
from signatures.qa.grounded_qa import DOES_NOT_SAY

SHOWN, SHOWN_GROUPS = 4, 2  # cases a judge is shown, and the documents they are of, which it is then not checked on
FEWEST = 10  # verdicts of the rarer kind from which an aspect is calibrated by itself


class Calibrator:
    """Freezes a metric from labelled cases.

    Args:
        embed, embedder: the embedding and its name. cross_encoder: the name of one, for further evidence.
        judges: what is asked about rows. pairwise: about preferences.
        writer: the alias that judges. teacher: the alias that writes; a judge of its own rows is warned of.
        required: judges that are kept even where they are of no use, since a row needs their yes.
        checks: cases a judge is tried on before it is put to all of them; None puts it to all at once.
        reader: the identity of the judge's model where it is to tell how likely answers are; else empty. A teacher
        is not asked about its own answers: it wrote what was likeliest to it, and verdicts on other rows say nothing of
        these.
        english: rules of English words hold.
        worked: the seconds for which models have been at work so far, those of replayed calls included.
        showable: whether a case may be shown in a judge's prompt (it is of no held-out document).
        grouped: gives cases the full names of their groups, so that a document is one by whichever name.
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
        self.middle, self.notes = 0.5, list[str]()

    async def frozen(self, cases: Sequence[Case]) -> Frozen:
        """The metric these cases make. Rows go before preferences, which can only compare. Raises Alike, in a
        sentence for people, where the labels tell nothing (all of one kind)."""
        self.digest, cases = _digest(cases), self.grouped(cases)
        rows = [case for case in cases if isinstance(case, LabelledCase)]
        pairs = [case for case in cases if isinstance(case, Preference)]
        if rows and pairs:
            self.progress.say(f"{len(pairs)} preferences are left out: a metric is fitted to rows or to preferences")
        return await (self._rows(rows) if rows else self._pairs(pairs))

    def uncalibrated(self) -> Frozen:
        """Prior weights and all judges: what stands where nobody has said anything yet."""
        return uncalibrated(self.judges, self.embedder, self.cross_encoder)

    async def _rows(self, cases: Sequence[LabelledCase]) -> Frozen:
        cases = [case for case in cases if case.answer != DOES_NOT_SAY]  # a run weighs these by the priors
        if not cases:
            raise Alike("Calibration needs rows that answer, and there are none.")
        self.middle = middle([case.label for case in cases])
        unread = [case for case in cases if not case.scores]
        shown = self._shown(unread) if self.judges and unread else []
        others = [case for case in cases if case.unit not in {one.unit for one in shown}]
        trial = JudgeTrial(
            self._reader, self.progress, good=self._good, note=self._note, checks=self.checks, required=self.required
        )
        judges = [judge for judge in self.judges if await trial.passes(judge, shown, others)] if unread else []
        shown, cases = (shown, others) if any(judge.judge.demos for judge in judges) else ([], cases)
        before = self.worked()
        with self.progress.task("read the verdicts", len(cases)) as heard:
            observations = await self._reader(judges, heard, reads=bool(self.reader)).observe(cases)
        names = judge_names(observations)
        fitted, figures = calibrate(observations, names)
        self._report(figures, (self.worked() - before) / len(cases))
        useful = {name for name, one in figures.judges.items() if one.useful}
        aspects = {
            aspect: calibrate([observations[i] for i in rows], names) for aspect, rows in self._by_aspect(cases).items()
        }
        return Frozen(
            fitted=fitted,
            alone=evidence_alone(fitted, observations, names) if useful else None,
            figures=self._noted(figures, shown),
            aspects={aspect: one[1] for aspect, one in aspects.items()},
            fits={aspect: one[0] for aspect, one in aspects.items()},
            judges={judge.aspect: judge.dump_state() for judge in judges if judge.aspect in self.required | useful},
            reader=self.reader if LIKELIHOOD in useful else "",
            shown=sorted({case.group for case in shown if case.group}) if judges else [],
            judge=self.writer if judges or self.reader else "",
            embedder=self.embedder,
            cross_encoder=self.cross_encoder,
            verdicts=self.digest,
            versions=versions(),
        )

    async def _pairs(self, pairs: Sequence[Preference]) -> Frozen:
        asked = [pair for pair in pairs if not pair.scores]
        judge = self.pairwise if asked else None
        if judge and not await settle(
            judge, lambda: self._reader([], lambda: None).observe(asked[:TRIALS]), PREFERENCE
        ):
            self._note("the judge of preferences is unreadable, and is not called")
            judge = self.pairwise = None
        with self.progress.task("read the preferences", len(pairs)) as heard:
            observations = await self._reader([], heard).observe(pairs)
        fitted, figures = calibrate(observations, judge_names(observations))
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

    def _reader(self, judges: Sequence[Judge], heard: Callable[[], None], *, reads: bool = False) -> Reader:
        return Reader(
            self.embed,
            judges=judges,
            pairwise=self.pairwise,
            entail=Entailment(self.cross_encoder) if self.cross_encoder else None,
            writer=self.writer,
            heard=heard,
            reads=reads,
            english=self.english,
        )

    def _report(self, figures: Calibration, seconds: float) -> None:
        """What each model's word is worth, and what it costs: a line each."""
        for name, one in figures.judges.items():
            said = "is used" if one.useful else "is not called"
            self.progress.say(f"{worth_of(name, one)}; {said} ({seconds:.1f} s a row for all that was asked)")

    def _shown(self, cases: Sequence[LabelledCase]) -> list[LabelledCase]:
        """A few cases of one or two documents, good and bad in turn, for the judges' prompts; none where few
        documents would be left."""
        groups = sorted({case.unit for case in cases if case.reason and case.made == "person" and self.showable(case)})
        random.Random("shown").shuffle(groups)
        if len({case.unit for case in cases}) < 3 * SHOWN_GROUPS:
            return []
        kept = [case for case in cases if case.unit in groups[:SHOWN_GROUPS] and case.reason]
        good, bad = ([case for case in kept if self._good(case) is kind][: SHOWN // 2] for kind in (True, False))
        shown = [case for pair in zip(good, bad, strict=False) for case in pair]
        left = [case for case in cases if case.unit not in {one.unit for one in shown}]
        return shown if len({self._good(case) for case in left}) == 2 else []

    def _note(self, line: str) -> None:
        self.progress.say(line)
        self.notes.append(line)

    def _by_aspect(self, cases: Sequence[LabelledCase]) -> dict[str, list[int]]:
        """The places of the cases that speak of an aspect, its own and the good ones of all; not where they are few."""
        found = dict[str, list[int]]()
        for aspect in sorted({case.aspect for case in cases} - {"overall"}):
            own = [i for i, case in enumerate(cases) if case.aspect == aspect]
            good = [i for i, case in enumerate(cases) if case.aspect == "overall" and self._good(case)]
            rows = sorted({*own, *good})
            kinds = [self._good(cases[i]) for i in rows]
            if min(kinds.count(True), kinds.count(False)) >= FEWEST:
                found[aspect] = rows
        return found

    @property
    def _reads_itself(self) -> bool:
        return bool(self.writer) and self.writer == self.teacher

    def _good(self, case: LabelledCase) -> bool:
        return case.label > self.middle

    def _noted(self, figures: Calibration, shown: Sequence[LabelledCase]) -> Calibration:
        notes = [*self.notes, *figures.notes]
        if self._reads_itself and figures.judges:
            notes.append(f"judge and teacher are one model ({self.writer}): it may be kind to its own rows")
        if shown:
            named = ", ".join(sorted({case.unit for case in shown}))
            notes.append(f"{len(shown)} verdicts are shown to the judges; the others on {named} are not counted here")
        return figures.model_copy(update={"notes": notes})


def _digest(cases: Sequence[Case]) -> str:
    """Over the verdicts as they are written: what is added to the documents changes none of them."""
    lines = sorted(json.dumps(case.model_dump(mode="json"), sort_keys=True) for case in cases)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
