"""What a row is worth: deterministic vetoes times the probability that a person would accept it, with its reasons."""

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from metrics.band import Alone
from metrics.calibration.fit import Fitted, prior, stated
from metrics.checks.manner import ENGLISH, Manner
from metrics.checks.vetoes import like_a_seed, veto
from metrics.evidence import PARTS, Named, evidence, likeness, word_support
from metrics.likelihood import DOUBTS, LIKELIHOODS, likelihood
from metrics.worth import Worth
from programs.core.candidate import Candidate, Drop, digest
from programs.core.embedding import Embed, ahead
from programs.core.program import Program
from programs.core.recipe import Recipe
from programs.core.text import f1
from programs.core.tools import tools
from programs.judges.judge import Judge, Verdict
from signatures.qa.grounded_qa import DOES_NOT_SAY, declines


@dataclasses.dataclass(frozen=True)
class Bars:
    """What a row must clear: see `Gates` in the config for what each one measures. A threshold of None is the
    metric's own, fitted to the verdicts."""

    threshold: float | None = None
    relevance: float = 0.2
    support: float = 0.5
    round_trip: float = 0.3


class Metric:
    """Scores candidates of one recipe.

    Args:
        embed: texts -> unit vectors; asked off the event loop. fitted: parts -> probability, frozen by calibration.
        alone: the fit that scores a row of which no model was asked, and which rows these are; None asks about all.
        judges: those whose verdicts count. shown: prompts no row may repeat. entail: a cross-encoder, where one is set.
        manner: how the seeds are written, which rows are held to.
    """

    def __init__(
        self,
        recipe: Recipe,
        embed: Embed,
        bars: Bars,
        *,
        fitted: Fitted | None = None,
        alone: Alone | None = None,
        judges: Sequence[Judge] = (),
        shown: Sequence[str] = (),
        entail: Named | None = None,
        manner: Manner = ENGLISH,
    ) -> None:
        self.recipe, self.embed, self.bars, self.entail = recipe, embed, bars, entail
        self.judges, self.shown, self.manner = list(judges), list(shown), manner
        self.fitted = fitted or prior([*PARTS, *(judge.aspect for judge in judges)])
        self.alone = alone

    @property
    def hash(self) -> str:
        """What scores depend on: bars, weights, judges and their prompts, the cross-encoder, the seeds' manner."""
        judges = [(judge.aspect, judge.hash) for judge in self.judges]
        encoder = self.entail.name if self.entail else False
        fits = self.fitted.model_dump_json(), self.alone.model_dump_json() if self.alone else ""
        return digest(self.bars, *fits, self.recipe.name, judges, sorted(self.shown), encoder, self.manner)

    def showing(self, program: Program) -> "Metric":
        """The same metric for rows of a program whose prompts show demos: a row may not repeat one of them."""
        demos = {topic for name, step in program.named_predictors() for topic in _topics(program, name, step)}
        return Metric(
            self.recipe,
            self.embed,
            self.bars,
            fitted=self.fitted,
            alone=self.alone,
            judges=self.judges,
            shown=list(dict.fromkeys([*self.shown, *sorted(demos)])),
            entail=self.entail,
            manner=self.manner,
        )

    async def veto(self, candidate: Candidate, given: Collection[str] = ()) -> Drop | None:
        """The cheapest evidence first, on what is filled so far: what a program asks before it pays for more.

        `given` are texts the teacher was given, which it may repeat even where they are a seed's. A candidate is not
        looked at again as long as nothing on it has changed.
        """
        state = (id(self), tuple(given), candidate.document, candidate.prompt, candidate.response)
        if candidate.cleared == state:
            return None
        drop = veto(candidate, self.manner) or self.recipe.filter(candidate)
        if not drop and candidate.prompt:
            drop = like_a_seed(candidate, [text for text in self.shown if text not in given])
        drop = drop or await self._too_far(candidate)
        candidate.cleared = None if drop else state
        return drop

    async def worth(self, candidate: Candidate, *, label: str | None = None, given: Collection[str] = ()) -> Worth:
        """Score without judges: vetoes, then evidence; or likeness to a person's answer where there is one."""
        if label is not None:
            return await self._against(candidate, label)
        if drop := candidate.dropped or await self.veto(candidate, given):
            return Worth(score=0.0, drop=drop)
        return self._scored(candidate, await self._evident(candidate))

    async def weighed(self, candidate: Candidate, *, label: str | None = None, given: Collection[str] = ()) -> Worth:
        """`worth`, and where there is no person's answer the judges that can see the row: what a search goes by."""
        worth = await self.worth(candidate, label=label, given=given)
        if label is not None:
            return worth
        if not worth.drop:
            return await self._heard(candidate, worth)
        parts = (await self._evident(candidate)).parts
        return worth.model_copy(update={"chance": self._scale(candidate, worth).probability(parts)})

    async def judged(self, candidate: Candidate, again: Callable[[Any], Awaitable[str | None]] | None = None) -> Worth:
        """The full gate: `worth`, then the round trip (`again` answers anew; of a row that says that the document
        does not, whatever the bar), then the judges, dearest last.

        Stops at the first no. A row is accepted when nothing drops it and its score reaches the threshold.
        """
        worth = await self.worth(candidate)
        if not worth.drop and not candidate.response.strip():
            return _out(worth, Drop(step="veto", reason="no answer", detail="the answer is empty"))
        if worth.drop:
            return worth
        refused = candidate.response == DOES_NOT_SAY
        if again and (refused or self.bars.round_trip):
            said = await again(candidate) or ""
            if drop := _answers(said) if refused else self._differs(candidate, said, worth):
                return _out(worth, drop)
        worth = await self._heard(candidate, worth)
        if not worth.drop and worth.score < self.threshold(candidate, worth):
            worth.drop = Drop(step="threshold", reason="low score", detail=worth.feedback)
        return worth

    async def _evident(self, candidate: Candidate) -> Worth:
        """The evidence for a row, not yet weighed."""
        found = await evidence(candidate, self.embed, self.entail, english=self.manner.english)
        return Worth(
            score=1.0,
            parts={part: finding.score for part, finding in found.items()},
            reasons={part: finding.said for part, finding in found.items() if finding.said},
        )

    def _differs(self, candidate: Candidate, said: str, worth: Worth) -> Drop | None:
        """Take down how alike the second answer is; a Drop where it is another."""
        worth.parts["round trip"] = f1(candidate.response, said)
        if worth.parts["round trip"] < self.bars.round_trip:
            return Drop(
                step="round trip",
                reason="round trip",
                detail="asked again in other words, the answer was another",
            )
        return None

    def threshold(self, candidate: Candidate, worth: Worth) -> float:
        """The least score of an accepted row of this kind."""
        return self._scale(candidate, worth).threshold if self.bars.threshold is None else self.bars.threshold

    def _scale(self, candidate: Candidate, worth: Worth) -> Fitted:
        """Verdicts speak of rows that answer; one that says that the document does not has stated weights. So has,
        before any verdict, a row without a document, of which the shipped fit says nothing. A row of which no model was
        asked is weighed by the evidence alone: a part that is missing is no average one."""
        if candidate.response == DOES_NOT_SAY:
            return stated(["relevance", "answerable"])
        if not (candidate.document or self.fitted.ridge):
            return stated(self.fitted.weights)
        return self.alone.fitted if self.alone and not worth.asked else self.fitted

    def _scored(self, candidate: Candidate, worth: Worth) -> Worth:
        """With its probability; 1 where a row has no part to weigh, since then nothing speaks against it."""
        if not worth.parts:
            return worth
        scale = self._scale(candidate, worth)
        against = scale.contributions(worth.parts)
        weakest = min(against, key=against.__getitem__, default="")
        doubts = {name: doubt for name, doubt in DOUBTS.items() if against.get(name, 0.0) < 0}
        told = {"score": scale.probability(worth.parts), "weakest": weakest, "reasons": worth.reasons | doubts}
        return worth.model_copy(update=told)

    async def _heard(self, candidate: Candidate, worth: Worth) -> Worth:
        """With what the judge's model says of the row, where that may change the outcome: how likely the answer is to
        it, and every judge that can see the row; out at the first no that the recipe heeds. An answer that the document
        does not say is judged on that alone."""
        refused = candidate.response == DOES_NOT_SAY
        if not (refused or self._is_doubtful(worth)):
            return worth
        if self._reads and not refused:
            worth.parts.update(await likelihood(candidate, tools().judge_lm))
        asked = [one for one in self.judges if one.sees(candidate) and (one.aspect == "answerable" or not refused)]
        for judge in asked:
            if drop := self._hear(worth, judge, await judge.acall(candidate), candidate):
                return _out(worth, drop)
        weighed = {name for name, weight in self.fitted.weights.items() if weight > 0}
        worth.asked = not weighed & {*LIKELIHOODS, *(judge.aspect for judge in asked)} - worth.parts.keys()
        return self._scored(candidate, worth)

    @property
    def _reads(self) -> bool:
        return any(self.fitted.weights.get(name) for name in LIKELIHOODS)

    def _is_doubtful(self, worth: Worth) -> bool:
        """Whether a model is asked: the recipe needs its yes, a threshold of the config's own was set, or its word may
        turn the decision."""
        fixed = self.bars.threshold is not None or any(judge.aspect in self.recipe.required for judge in self.judges)
        return fixed or self.alone is None or self.alone.is_doubtful(worth.score)

    def _hear(self, worth: Worth, judge: Judge, verdict: Verdict, candidate: Candidate) -> Drop | None:
        """Take a verdict down; a Drop where the recipe needs this judge's yes and did not get it."""
        worth.reasons[judge.aspect] = verdict.reason
        score = verdict.score
        if score is None:
            worth.unscored.append(judge.aspect)
        else:
            score = worth.parts[judge.aspect] = 1 - score if candidate.response == DOES_NOT_SAY else score
        if judge.aspect in self.recipe.required and (score is None or score < 0.5):
            return Drop(step=f"judge {judge.aspect}", reason=f"judge {judge.aspect}", detail=verdict.reason)
        return None

    async def _too_far(self, candidate: Candidate) -> Drop | None:
        """The embedding's and the words' veto."""
        if not candidate.document or not candidate.prompt:
            return None
        texts = candidate.prompt, candidate.document
        near = likeness(await ahead(self.embed, texts), *texts)
        if near < self.bars.relevance:
            return Drop(step="veto", reason="off topic", detail=f"question and document are {near:.2f} alike")
        if not candidate.response or candidate.response == DOES_NOT_SAY:
            return None
        support = word_support(candidate.response, candidate.document, english=self.manner.english)
        if support < self.bars.support:
            return Drop(step="veto", reason="unsupported", detail=f"{support:.0%} of the answer is in the document")
        return None

    async def _against(self, candidate: Candidate, label: str) -> Worth:
        """Likeness to a person's answer: the geometric mean of word F1 and cosine, in [0, 1]; both must hold."""
        if candidate.dropped:
            return Worth(score=0.0, parts={"label": 0.0}, drop=candidate.dropped)
        said = candidate.response
        known = await ahead(self.embed, [said, label])
        like = float((f1(said, label) * likeness(known, said, label)) ** 0.5)
        reasons = {"label": f"a person answered {label!r}; this says {said!r}"}
        return Worth(score=like, parts={"label": like}, reasons=reasons, weakest="label")


def _topics(program: Program, name: str, step: Any) -> list[str]:
    """The topics of a step's demos that the teacher wrote; what it was given is no copy."""
    topics = []
    for demo in step.demos:
        inputs = {field: demo[field] for field in step.signature.input_fields if field in demo}
        outputs = {field: demo[field] for field in step.signature.output_fields if field in demo}
        topics += [one.topic for one in program.read(name, inputs, outputs) if one.topic not in inputs.values()]
    return [topic for topic in topics if topic]


def _answers(said: str) -> Drop | None:
    """That the document does not say is written down unasked: out where the teacher, asked, finds an answer, or none
    that can be read."""
    if declines(said):
        return None
    detail = f"asked for what the document is not to say, the teacher answered {said!r}"
    return Drop(step="round trip", reason="answerable question", detail=detail)


def _out(worth: Worth, drop: Drop) -> Worth:
    return worth.model_copy(update={"score": 0.0, "drop": drop})
