"""Calibration: people's verdicts are read, judges that are of use are kept, and the metric is fitted and frozen."""

import hashlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from metrics.calibration import Calibration, calibrate, evidence_alone
from metrics.case import LabelledCase, Preference, middle
from metrics.frozen import Frozen, uncalibrated
from metrics.likelihood import LIKELIHOOD
from metrics.observations import Alike, Observation
from metrics.readings import PREFERENCE, Case, Reader, judge_names
from metrics.usefulness import tried, worth_of
from programs.embedding import Embed
from programs.formats import formats_to_judge
from programs.judging import FAULTS, Judge, Pairwise
from programs.rater import Rater, judge_lm
from seedbed.cross_encoder import Entailment
from seedbed.progress import Progress
from seedbed.versions import versions
from signatures.grounding import DOES_NOT_SAY

READABLE = 0.75  # the share of a judge's verdicts that must be readable for its message format to do
TRIALS = 4  # cases a message format is tried on
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
        reader: the identity of the judge's model where it tells how likely an answer is; else empty. A teacher is not
        asked about its own answers: it wrote what was likeliest to it, and verdicts on other rows say nothing of these.
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
        showable: Callable[[LabelledCase], bool] = lambda case: True,
        grouped: Callable[[Sequence[Case]], list[Case]] = list,
    ) -> None:
        self.embed, self.embedder, self.progress, self.cross_encoder = embed, embedder, progress, cross_encoder
        self.judges, self.pairwise, self.writer, self.teacher = list(judges), pairwise, writer, teacher
        self.required, self.checks, self.showable = frozenset(required), checks, showable
        self.grouped, self.digest = grouped, ""
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
        shown = self._shown(unread) if unread and any(judge.explains for judge in self.judges) else []
        cases = [case for case in cases if case.unit not in {one.unit for one in shown}]
        judges = [judge for judge in self.judges if await self._prepared(judge, shown, cases)] if unread else []
        started = time.monotonic()
        with self.progress.task("read the verdicts", len(cases)) as heard:
            observations = await self._reader(judges, heard, reads=bool(self.reader)).observe(cases)
        names = judge_names(observations)
        fitted, figures = calibrate(observations, names)
        self._report(figures, (time.monotonic() - started) / len(cases))
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
        if judge and not await _settle(
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

    async def _prepared(self, judge: Judge, shown: Sequence[LabelledCase], cases: Sequence[LabelledCase]) -> bool:
        """Give a judge its demos and a message format it is readable in; whether it is worth putting to all cases."""
        fitting = [case for case in shown if self._concerns(judge, case)] if judge.explains else []
        judge.judge.demos = [judge.example(case.row, good=self._good(case), reason=case.reason) for case in fitting]
        reader = self._reader([judge], lambda: None)
        unread = [case for case in cases if not case.scores and judge.sees(case.row) and self._concerns(judge, case)]
        spread = self._spread(unread, self.checks or TRIALS)
        readable = await _settle(judge, lambda: reader.observe(spread[:TRIALS]), judge.aspect)
        if judge.aspect in self.required or self.checks is None:
            return readable or judge.aspect in self.required
        if not readable:
            self._note(f"judge {judge.aspect} is unreadable, and is not called")
        return readable and await self._promises(judge, spread)

    def _concerns(self, judge: Judge, case: LabelledCase) -> bool:
        """Whether a case is good all over, or has a fault that this judge should see."""
        good = case.aspect == "overall" and self._good(case)
        return good or judge.aspect not in FAULTS or case.aspect in FAULTS[judge.aspect]

    async def _promises(self, judge: Judge, cases: Sequence[LabelledCase]) -> bool:
        """Whether on a few verdicts a judge beats chance and the trivial rules, so that it is put to all."""
        if len({self._good(case) for case in cases}) < 2:
            return True
        with self.progress.task(f"judge {judge.aspect}", len(cases)) as heard:
            observations = await self._reader([judge], heard).observe(cases)
        found, contradiction = tried(observations, judge.aspect)
        if contradiction:
            self._note(contradiction)
        if not found.promises:
            self._note(
                f"judge {judge.aspect}: AUROC {found.auroc:.2f} [{found.auroc_low:.2f}, {found.auroc_high:.2f}] "
                f"on {len(cases)} verdicts, {found.coverage:.0%} readable: of no use on these labels, and not called"
            )
        return found.promises

    def _note(self, line: str) -> None:
        self.progress.say(line)
        self.notes.append(line)

    def _spread(self, cases: Sequence[LabelledCase], n: int) -> list[LabelledCase]:
        """At most n cases by a fixed shuffle, good and bad in the proportion there is."""
        mixed = sorted(cases, key=lambda case: hashlib.sha256(case.model_dump_json().encode()).hexdigest())
        kinds = [[case for case in mixed if self._good(case) is kind] for kind in (True, False)]
        turns = sorted(
            ((i / len(kind), case) for kind in kinds for i, case in enumerate(kind)), key=lambda turn: turn[0]
        )
        return [case for _, case in turns[:n]]

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


async def _settle(rater: Rater, trial: Callable[[], Awaitable[list[Observation]]], name: str) -> bool:
    """Choose the first message format, the cheapest first, in which enough of a trial's verdicts can be read."""
    for format in formats_to_judge(judge_lm(), rater.judge.signature):
        rater.judge.format = format
        read = [one.parts.get(name) is not None for one in await trial()]
        if read and sum(read) >= READABLE * len(read):
            return True
    return False


def _digest(cases: Sequence[Case]) -> str:
    """Over the verdicts as they are written: what is added to the documents changes none of them."""
    lines = sorted(json.dumps(case.model_dump(mode="json"), sort_keys=True) for case in cases)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
