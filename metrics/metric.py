"""The score of a row: deterministic vetoes times the probability that a person would accept it, with the reasons."""

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from metrics.band import Alone
from metrics.calibration.fit import Fitted, prior, stated
from metrics.checks.manner import ENGLISH, Manner
from metrics.checks.registry import Setting, first_fault
from metrics.compare import compare
from metrics.evidence import PARTS, NamedEntail, evidence
from metrics.likelihood import DOUBTS, LIKELIHOODS, likelihood
from metrics.own_views import OwnViews
from metrics.round_trip import differs
from metrics.shown import demo_texts
from metrics.worth import Worth, low_score, rejected, scored
from programs.core.embedding import Embed
from programs.core.program import Program
from programs.core.recipe import Recipe
from programs.core.row import Candidate, Drop, digest
from programs.core.tools import tools
from programs.judges.judge import Judge, Verdict

REMEMBERED = 4096  # candidates that a metric does not check again: more than a run has under way
NOTHING_TO_SEE = Drop(step="program", reason="nothing written", detail="the row holds no exchange")

Again = Callable[[Any], Awaitable[str | None]]
"""Answers a second time; None where the reply cannot be read."""


class NamedRule(Protocol):
    """A rule of the config, with a name that changes with its code."""

    @property
    def name(self) -> str: ...

    def __call__(self, row: Candidate) -> Drop | Awaitable[Drop | None] | None: ...


@dataclasses.dataclass(frozen=True)
class Bars:
    """The limits that a row must reach: see `Gates` in the config for each of them. A threshold of None stands for the
    metric's own, fitted to the verdicts."""

    threshold: float | None = None
    relevance: float = 0.2
    support: float = 0.5
    round_trip: float = 0.3


class Metric:
    """Scores candidates of one recipe.

    Args:
        embed: texts -> unit vectors; called off the event loop. fitted: parts -> probability, frozen by calibration.
        fits: likewise for each judge with a view of its own, by aspect.
        alone: the fit for rows that are scored without a model, and which rows these are; None asks about all rows.
        judges: their verdicts count. shown: prompts that no row may repeat. entail: a cross-encoder, if one is set.
        manner: the style of the seeds, which rows must follow. checks: the config's own, on finished rows.
    """

    def __init__(
        self,
        recipe: Recipe,
        embed: Embed,
        bars: Bars,
        *,
        fitted: Fitted | None = None,
        fits: Mapping[str, Fitted] | None = None,
        alone: Alone | None = None,
        judges: Sequence[Judge] = (),
        shown: Sequence[str] = (),
        entail: NamedEntail | None = None,
        manner: Manner = ENGLISH,
        checks: Sequence[NamedRule] = (),
    ) -> None:
        self.recipe, self.embed, self.bars, self.entail = recipe, embed, bars, entail
        self.judges, self.shown, self.manner, self.checks = list(judges), list(shown), manner, list(checks)
        self._own_views = OwnViews([judge for judge in judges if getattr(judge, "view", None)], fits or {})
        self._shared = [judge for judge in judges if judge not in self._own_views.judges]
        self._setting = Setting(embed, manner, (), bars.relevance, bars.support)
        self.fitted = fitted or prior([*PARTS, *(judge.aspect for judge in self._shared)])
        self.alone = alone
        self._sound = dict[tuple[str, ...], None]()  # candidates without a fault, the oldest first

    @property
    def hash(self) -> str:
        """A digest of what scores depend on: bars, weights, judges and their prompts, cross-encoder, the seeds'
        manner."""
        judges = [(judge.aspect, judge.hash) for judge in self.judges]
        encoder, checks = self.entail.name if self.entail else False, [check.name for check in self.checks]
        alone = self.alone.model_dump_json() if self.alone else ""
        fits = [self.fitted.model_dump_json(), alone, *self._own_views.identity]
        style = sorted(self.shown), encoder, self.manner, checks
        return digest(self.bars, *fits, self.recipe.name, judges, *style)

    def showing(self, program: Program) -> "Metric":
        """The same metric for rows of a program: a row may not repeat a demo in the program's prompts."""
        demos = {text for name, step in program.named_predictors() for text in demo_texts(program, name, step)}
        return Metric(
            self.recipe,
            self.embed,
            self.bars,
            fitted=self.fitted,
            fits=self._own_views.fitted,
            alone=self.alone,
            judges=self.judges,
            shown=list(dict.fromkeys([*self.shown, *sorted(demos)])),
            entail=self.entail,
            manner=self.manner,
            checks=self.checks,
        )

    async def veto(self, candidate: Candidate, given: Collection[str] = ()) -> Drop | None:
        """The recipe's checks on the fields filled so far. A program runs it before it pays for more.

        `given` are texts that the teacher was shown, which it may repeat even if they are a seed's. A candidate is
        checked again only if it has changed.
        """
        state = (*given, type(candidate).__name__, candidate.model_dump_json(exclude={"dropped"}))
        if state in self._sound:
            return None
        allowed = {*given, *candidate.given}
        setting = dataclasses.replace(self._setting, shown=[text for text in self.shown if text not in allowed])
        drop = await first_fault(candidate, self.recipe.checks, setting)
        if not drop:
            self._sound[state] = None
            if len(self._sound) > REMEMBERED:
                del self._sound[next(iter(self._sound))]  # the oldest
        return drop

    async def worth(self, candidate: Candidate, *, given: Collection[str] = ()) -> Worth:
        """Score without judges: the checks, then evidence."""
        if drop := candidate.dropped or await self.veto(candidate, given):
            return Worth(score=0.0, drop=drop)
        return await self._least(candidate, self._by_evidence)

    async def weighed(self, candidate: Candidate, *, given: Collection[str] = ()) -> Worth:
        """The score for a search: the checks, the evidence, and the judges that can see the row. A row that a check
        drops has a chance by the evidence alone."""
        drop = candidate.dropped or await self.veto(candidate, given)
        if not drop:
            return await self._least(candidate, self._by_judges)
        chances = [await self._chance(view) for view in candidate.views()]
        return Worth(score=0.0, chance=min(chances, default=0.0), drop=drop)

    async def compared(self, step: str, output: Any, label: Any, annotation: Any) -> Worth:
        """The worth of a labelled step's output: its likeness to a person's label, by the recipe's comparator."""
        comparator = self.recipe.labelled[step]
        score = await compare(comparator, output, label, embed=self.embed, annotation=annotation)
        reasons = {"label": f"a person wrote {label!r}; this says {output!r}"}
        return Worth(score=score, parts={"label": score}, reasons=reasons, weakest="label")

    async def judged(self, candidate: Candidate, again: Again | None = None) -> Worth:
        """The full gate: the checks, those of the config last, then for each view the evidence, the round trip, and the
        judges, the most expensive last.

        In the round trip `again` answers a second time; a row that says that the document does not answer has it
        whatever the bar. Stops at the first rejection. A row is accepted if nothing drops it and the score of each of
        its views reaches the threshold.
        """
        if drop := candidate.dropped or await self.veto(candidate):
            return Worth(score=0.0, drop=drop)
        if any(candidate.texts()) and (drop := await first_fault(candidate, self.checks, self._setting)):
            return Worth(score=0.0, drop=drop)
        return await self._least(candidate, functools.partial(self._gate, again=again))

    async def _least(self, candidate: Candidate, score: Callable[[Candidate], Awaitable[Worth]]) -> Worth:
        """The worth of the view with the least score, or of the first view that is rejected."""
        worths = list[Worth]()
        for view in candidate.views():
            worths.append(await score(view))
            if worths[-1].drop:
                return worths[-1]
        return min(worths, key=lambda worth: worth.score, default=Worth(score=0.0, drop=NOTHING_TO_SEE))

    async def _by_evidence(self, view: Candidate) -> Worth:
        return self._scored(view, await self._evidence(view))

    async def _by_judges(self, view: Candidate) -> Worth:
        worth = await self._with_judges(view, await self._by_evidence(view))
        return worth if worth.drop else await self._own_views.least(view, worth, self._record_verdict)

    async def _chance(self, view: Candidate) -> float:
        """The probability by the evidence alone, of a row that a check dropped."""
        evidence = await self._evidence(view)
        return self._scale(view, evidence).probability(evidence.parts)

    async def _gate(self, view: Candidate, again: Again | None) -> Worth:
        """The worth of one view after the round trip and the judges."""
        worth = await self._by_evidence(view)
        if not view.written.strip():
            return rejected(worth, Drop(step="veto", reason="no answer", detail="there is no text to learn from"))
        round_trip = again if view.refuses or self.bars.round_trip else None
        if round_trip and (drop := differs(view, await round_trip(view) or "", worth, self.bars.round_trip)):
            return rejected(worth, drop)
        worth = await self._with_judges(view, worth)
        if worth.drop:
            return worth
        if worth.score < self.threshold(view, worth):
            return worth.model_copy(update={"drop": low_score(worth)})
        return await self._own_views.least(view, worth, self._record_verdict, threshold=self.bars.threshold, gate=True)

    async def verdict(self, aspect: str, candidate: Candidate) -> Verdict:
        """The verdict of this metric's judge for an aspect. Raises RuntimeError if it has no such judge."""
        judges = {judge.aspect: judge for judge in self.judges}
        if aspect not in judges:
            raise RuntimeError(f"no judge {aspect!r} among {[*judges]}: name it in the recipe's judges or gates.judges")
        verdict: Verdict = await judges[aspect].acall(candidate)
        return verdict

    async def _evidence(self, candidate: Candidate) -> Worth:
        """The evidence for a row, without a score."""
        findings = await evidence(candidate, self.embed, self.entail, english=self.manner.english)
        return Worth(
            score=1.0,
            parts={part: finding.score for part, finding in findings.items()},
            reasons={part: finding.said for part, finding in findings.items() if finding.said},
        )

    def threshold(self, candidate: Candidate, worth: Worth) -> float:
        """The lowest score of an accepted row of this kind."""
        return self._scale(candidate, worth).threshold if self.bars.threshold is None else self.bars.threshold

    def _scale(self, candidate: Candidate, worth: Worth) -> Fitted:
        """The fit for a row. A row that says that the document does not answer has fixed weights, since verdicts are
        about rows that answer. So has a row without a document before any verdict: the shipped fit does not cover it. A
        row that no model was asked about is scored by evidence only: a missing part must not count as an average
        one."""
        if candidate.refuses:
            return stated(["relevance", "answerable"])
        if not (candidate.document or self.fitted.ridge):
            return stated(self.fitted.weights)
        return self.alone.fitted if self.alone and not worth.asked else self.fitted

    def _scored(self, candidate: Candidate, worth: Worth) -> Worth:
        """The worth with its probability; 1 if a row has no parts, since then there is no evidence against it."""
        if not worth.parts:
            return worth
        scale = self._scale(candidate, worth)
        contributions = scale.contributions(worth.parts)
        weakest = min(contributions, key=contributions.__getitem__, default="")
        doubts = {name: doubt for name, doubt in DOUBTS.items() if contributions.get(name, 0.0) < 0}
        explained = worth.model_copy(update={"reasons": worth.reasons | doubts})
        return scored(explained, scale.probability(worth.parts), weakest)

    async def _with_judges(self, candidate: Candidate, worth: Worth) -> Worth:
        """The worth after the judge's model was asked, if that may change the decision: for the likelihood of the
        answer, and for every judge that can see the row. Stops at the first rejection by a judge that the recipe
        requires. An answer that says that the document does not answer is judged only on that."""
        is_declined = candidate.refuses
        if not (is_declined or self._is_doubtful(worth)):
            return worth
        if self._reads and not is_declined:
            worth.parts.update(await likelihood(candidate, tools().judge_lm))
        judges = [
            judge
            for judge in self._shared
            if judge.sees(candidate) and (judge.aspect == "answerable" or not is_declined)
        ]
        for judge in judges:
            if drop := self._record_verdict(worth, judge, await judge.acall(candidate), candidate):
                return rejected(worth, drop)
        weighted = {name for name, weight in self.fitted.weights.items() if weight > 0}
        worth.asked = not weighted & {*LIKELIHOODS, *(judge.aspect for judge in judges)} - worth.parts.keys()
        return self._scored(candidate, worth)

    @property
    def _reads(self) -> bool:
        return any(self.fitted.weights.get(name) for name in LIKELIHOODS)

    def _is_doubtful(self, worth: Worth) -> bool:
        """Whether to ask a model: the recipe requires a judge, the config sets a threshold, or its answer may change
        the decision."""
        fixed = self.bars.threshold is not None or any(judge.aspect in self.recipe.required for judge in self._shared)
        return fixed or self.alone is None or self.alone.is_doubtful(worth.score)

    def _record_verdict(self, worth: Worth, judge: Judge, verdict: Verdict, candidate: Candidate) -> Drop | None:
        """Record a verdict. Returns a Drop if the recipe requires this judge and it did not accept the row."""
        worth.reasons[judge.aspect] = verdict.reason
        score = verdict.score
        if score is None:
            worth.unscored.append(judge.aspect)
        else:
            score = worth.parts[judge.aspect] = 1 - score if candidate.refuses else score
        if judge.aspect in self.recipe.required and (score is None or score < 0.5):
            return Drop(step=f"judge {judge.aspect}", reason=f"judge {judge.aspect}", detail=verdict.reason)
        return None
