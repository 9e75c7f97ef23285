"""The score of a row: deterministic vetoes times the probability that a person would accept it, with the reasons."""

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from metrics.band import Alone
from metrics.calibration.fit import Fitted, prior, stated
from metrics.checks.manner import ENGLISH, Manner
from metrics.checks.vetoes import like_a_seed, veto
from metrics.evidence import PARTS, NamedEntail, evidence, likeness, word_support
from metrics.likelihood import DOUBTS, LIKELIHOODS, likelihood
from metrics.worth import Worth
from programs.core.embedding import Embed, ahead
from programs.core.program import Program
from programs.core.recipe import Recipe
from programs.core.row import Candidate, Drop, digest
from programs.core.text import f1
from programs.core.tools import tools
from programs.judges.judge import Judge, Verdict
from signatures.qa.grounded_qa import DOES_NOT_SAY, declines

REMEMBERED = 4096  # candidates that a metric does not check again: more than a run has under way


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
        alone: the fit for rows that are scored without a model, and which rows these are; None asks about all rows.
        judges: their verdicts count. shown: prompts that no row may repeat. entail: a cross-encoder, if one is set.
        manner: the style of the seeds, which rows must follow.
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
        entail: NamedEntail | None = None,
        manner: Manner = ENGLISH,
    ) -> None:
        self.recipe, self.embed, self.bars, self.entail = recipe, embed, bars, entail
        self.judges, self.shown, self.manner = list(judges), list(shown), manner
        self.fitted = fitted or prior([*PARTS, *(judge.aspect for judge in judges)])
        self.alone = alone
        self._sound = dict[tuple[str, ...], None]()  # candidates without a fault, the oldest first

    @property
    def hash(self) -> str:
        """A digest of what scores depend on: bars, weights, judges and their prompts, cross-encoder, the seeds'
        manner."""
        judges = [(judge.aspect, judge.hash) for judge in self.judges]
        encoder = self.entail.name if self.entail else False
        fits = self.fitted.model_dump_json(), self.alone.model_dump_json() if self.alone else ""
        return digest(self.bars, *fits, self.recipe.name, judges, sorted(self.shown), encoder, self.manner)

    def showing(self, program: Program) -> "Metric":
        """The same metric for rows of a program: a row may not repeat a demo in the program's prompts."""
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

    async def veto(self, candidate: Candidate, inputs: Collection[str] = ()) -> Drop | None:
        """The cheap checks on the fields filled so far, cheapest first. A program runs it before it pays for more.

        `inputs` are texts that the teacher was given, which it may repeat even if they are a seed's. A candidate is
        checked again only if it has changed.
        """
        state = (*inputs, type(candidate).__name__, candidate.model_dump_json(exclude={"dropped"}))
        if state in self._sound:
            return None
        drop = veto(candidate, self.manner) or self.recipe.filter(candidate)
        if not drop and candidate.prompt:
            drop = like_a_seed(candidate, [text for text in self.shown if text not in inputs])
        drop = drop or await self._too_far(candidate)
        if not drop:
            self._sound[state] = None
            if len(self._sound) > REMEMBERED:
                del self._sound[next(iter(self._sound))]  # the oldest
        return drop

    async def worth(self, candidate: Candidate, *, label: str | None = None, inputs: Collection[str] = ()) -> Worth:
        """Score without judges: vetoes, then evidence; or likeness to a person's answer if there is one."""
        if label is not None:
            return await self._against(candidate, label)
        if drop := candidate.dropped or await self.veto(candidate, inputs):
            return Worth(score=0.0, drop=drop)
        return self._scored(candidate, await self._evidence(candidate))

    async def weighed(self, candidate: Candidate, *, label: str | None = None, inputs: Collection[str] = ()) -> Worth:
        """The score for a search: `worth`, and without a person's answer also the judges that can see the row."""
        worth = await self.worth(candidate, label=label, inputs=inputs)
        if label is not None:
            return worth
        if not worth.drop:
            return await self._with_judges(candidate, worth)
        parts = (await self._evidence(candidate)).parts
        return worth.model_copy(update={"chance": self._scale(candidate, worth).probability(parts)})

    async def judged(self, candidate: Candidate, again: Callable[[Any], Awaitable[str | None]] | None = None) -> Worth:
        """The full gate: `worth`, then the round trip, then the judges, the most expensive last.

        In the round trip `again` answers a second time; a row that says that the document does not answer has it
        whatever the bar. Stops at the first rejection. A row is accepted if nothing drops it and its score reaches the
        threshold.
        """
        worth = await self.worth(candidate)
        if not worth.drop and not candidate.response.strip():
            return _rejected(worth, Drop(step="veto", reason="no answer", detail="the answer is empty"))
        if worth.drop:
            return worth
        is_declined = candidate.response == DOES_NOT_SAY
        if again and (is_declined or self.bars.round_trip):
            second_answer = await again(candidate) or ""
            if drop := _answers(second_answer) if is_declined else self._differs(candidate, second_answer, worth):
                return _rejected(worth, drop)
        worth = await self._with_judges(candidate, worth)
        if not worth.drop and worth.score < self.threshold(candidate, worth):
            worth.drop = Drop(step="threshold", reason="low score", detail=worth.feedback)
        return worth

    async def _evidence(self, candidate: Candidate) -> Worth:
        """The evidence for a row, without a score."""
        findings = await evidence(candidate, self.embed, self.entail, english=self.manner.english)
        return Worth(
            score=1.0,
            parts={part: finding.score for part, finding in findings.items()},
            reasons={part: finding.said for part, finding in findings.items() if finding.said},
        )

    def _differs(self, candidate: Candidate, second_answer: str, worth: Worth) -> Drop | None:
        """Record the likeness of the second answer. Returns a Drop if it is too low."""
        worth.parts["round trip"] = f1(candidate.response, second_answer)
        if worth.parts["round trip"] < self.bars.round_trip:
            return Drop(
                step="round trip",
                reason="round trip",
                detail="asked again in other words, the answer was another",
            )
        return None

    def threshold(self, candidate: Candidate, worth: Worth) -> float:
        """The lowest score of an accepted row of this kind."""
        return self._scale(candidate, worth).threshold if self.bars.threshold is None else self.bars.threshold

    def _scale(self, candidate: Candidate, worth: Worth) -> Fitted:
        """The fit for a row. A row that says that the document does not answer has fixed weights, since verdicts are
        about rows that answer. So has a row without a document before any verdict: the shipped fit does not cover it. A
        row that no model was asked about is scored by evidence only: a missing part must not count as an average
        one."""
        if candidate.response == DOES_NOT_SAY:
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
        changes = {"score": scale.probability(worth.parts), "weakest": weakest, "reasons": worth.reasons | doubts}
        return worth.model_copy(update=changes)

    async def _with_judges(self, candidate: Candidate, worth: Worth) -> Worth:
        """The worth after the judge's model was asked, if that may change the decision: for the likelihood of the
        answer, and for every judge that can see the row. Stops at the first rejection by a judge that the recipe
        requires. An answer that says that the document does not answer is judged only on that."""
        is_declined = candidate.response == DOES_NOT_SAY
        if not (is_declined or self._is_doubtful(worth)):
            return worth
        if self._reads and not is_declined:
            worth.parts.update(await likelihood(candidate, tools().judge_lm))
        judges = [
            judge
            for judge in self.judges
            if judge.sees(candidate) and (judge.aspect == "answerable" or not is_declined)
        ]
        for judge in judges:
            if drop := self._record_verdict(worth, judge, await judge.acall(candidate), candidate):
                return _rejected(worth, drop)
        weighted = {name for name, weight in self.fitted.weights.items() if weight > 0}
        worth.asked = not weighted & {*LIKELIHOODS, *(judge.aspect for judge in judges)} - worth.parts.keys()
        return self._scored(candidate, worth)

    @property
    def _reads(self) -> bool:
        return any(self.fitted.weights.get(name) for name in LIKELIHOODS)

    def _is_doubtful(self, worth: Worth) -> bool:
        """Whether to ask a model: the recipe requires a judge, the config sets a threshold, or its answer may change
        the decision."""
        fixed = self.bars.threshold is not None or any(judge.aspect in self.recipe.required for judge in self.judges)
        return fixed or self.alone is None or self.alone.is_doubtful(worth.score)

    def _record_verdict(self, worth: Worth, judge: Judge, verdict: Verdict, candidate: Candidate) -> Drop | None:
        """Record a verdict. Returns a Drop if the recipe requires this judge and it did not accept the row."""
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
        """The vetoes by embedding and by words."""
        if not candidate.document or not candidate.prompt:
            return None
        texts = candidate.prompt, candidate.document
        relevance = likeness(await ahead(self.embed, texts), *texts)
        if relevance < self.bars.relevance:
            return Drop(step="veto", reason="off topic", detail=f"question and document are {relevance:.2f} alike")
        if not candidate.response or candidate.response == DOES_NOT_SAY:
            return None
        support = word_support(candidate.response, candidate.document, english=self.manner.english)
        if support < self.bars.support:
            return Drop(step="veto", reason="unsupported", detail=f"{support:.0%} of the answer is in the document")
        return None

    async def _against(self, candidate: Candidate, label: str) -> Worth:
        """Likeness to a person's answer: the geometric mean of word F1 and cosine, in [0, 1]; both must be high."""
        if candidate.dropped:
            return Worth(score=0.0, parts={"label": 0.0}, drop=candidate.dropped)
        response = candidate.response
        embedded = await ahead(self.embed, [response, label])
        score = float((f1(response, label) * likeness(embedded, response, label)) ** 0.5)
        reasons = {"label": f"a person answered {label!r}; this says {response!r}"}
        return Worth(score=score, parts={"label": score}, reasons=reasons, weakest="label")


def _topics(program: Program, name: str, step: Any) -> list[str]:
    """The topics in a step's demos that the teacher wrote, without those in its inputs."""
    topics = []
    for demo in step.demos:
        inputs = {field: demo[field] for field in step.signature.input_fields if field in demo}
        outputs = {field: demo[field] for field in step.signature.output_fields if field in demo}
        topics += [
            candidate.topic
            for candidate in program.read(name, inputs, outputs)
            if candidate.topic not in inputs.values()
        ]
    return [topic for topic in topics if topic]


def _answers(second_answer: str) -> Drop | None:
    """The Drop for a row that says that the document does not answer: given if the teacher, when asked, finds an
    answer, or its reply cannot be read."""
    if declines(second_answer):
        return None
    detail = f"asked for what the document is not to say, the teacher answered {second_answer!r}"
    return Drop(step="round trip", reason="answerable question", detail=detail)


def _rejected(worth: Worth, drop: Drop) -> Worth:
    return worth.model_copy(update={"score": 0.0, "drop": drop})
