"""ultrafeedback: answers of several models to a prompt, rated by aspects, and a pair of them (Cui et al. 2023)."""

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, cast

import dspy
from pydantic import Field

from programs.core.background import together
from programs.core.feed import Shuffled
from programs.core.kinds import Preference, Ranked
from programs.core.options import Options
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Drop, Exchange, digest
from programs.core.step import Step
from programs.core.tools import Member, tools, using
from programs.judges.aspects import AspectsJudge, Rated, Rating
from programs.judges.judge import ORDERS_DISAGREE, Pairwise
from signatures.preferences.ultrafeedback import ASPECTS, PRINCIPLES, Answer, JudgeAspect, PreferReply


class FeedbackOptions(Options):
    """The options of ultrafeedback."""

    answers: int = Field(4, ge=2)
    """The answers to one prompt, from as many models as the panel has (section 2: 4 of 17 models)."""
    pair: Literal["best-worst", "best-random"] = "best-worst"
    """Which answer is rejected: the worst (ours), or a random one of those that are rated lower (Zephyr, Tunstall et
    al. 2023, section 3)."""
    margin: float = Field(1.0, ge=0, le=4)
    """The points of the mean rating, from 1 to 5, by which the chosen answer is better at least (ours)."""
    both_orders: bool = True
    """The judge must prefer the chosen answer in both orders too, since ratings of single answers are noisy (ours,
    after Zheng et al. 2023, section 3.4)."""


class RatedPair(Preference):
    """A pair with what it was made by: the principle and the ratings of each answer. Scores are mean ratings, 1 to 5.

    `principles` are those of the chosen and the rejected answer, as `models` are."""

    principles: list[str] = Field(default_factory=list)
    ratings_chosen: list[Rating] = Field(default_factory=list)
    ratings_rejected: list[Rating] = Field(default_factory=list)


class PromptSeed(Seed, row=RatedPair):
    """A prompt with an answer that a person finds good."""

    prompt: str = Field(min_length=1)
    response: str = Field(min_length=1)


@dataclasses.dataclass(frozen=True)
class RatedAnswer:
    """An answer with its ratings; `score` is their mean, from 1 to 5."""

    model: str
    principle: str
    text: str
    ratings: Sequence[Rating]
    score: float


class UltraFeedback(Program):
    """prompt -> answers of the panel, each under a principle -> ratings -> a pair that the judge confirms.

    A prompt always gives one candidate: the pair, or why there is none.
    """

    row = RatedPair
    options: FeedbackOptions = FeedbackOptions()

    def __init__(self, options: FeedbackOptions | None = None) -> None:
        super().__init__(options)
        self.answer = Step(Answer, "bare")
        self.prefer = Pairwise(PreferReply)
        self.prefer.judge.format = "plain"  # one token an order, with log-probabilities where there are any

    async def aforward(self, prompt: str = "") -> dspy.Prediction:
        pair = RatedPair()
        if await self.settle(pair, instruction=prompt):
            pair.dropped = await self._write(pair, random.Random(digest(prompt, tools().draw)))
        return dspy.Prediction(candidates=[pair])

    async def _write(self, pair: RatedPair, chance: random.Random) -> Drop | None:
        """Fill the pair. Returns why there is none."""
        results = await self._answers(pair, chance)
        answers = [result for result in results if isinstance(result, RatedAnswer)]
        if len(answers) < 2:
            return next(result for result in results if isinstance(result, Drop))
        chosen = max(answers, key=lambda answer: answer.score)
        worse = [answer for answer in answers if answer.score < chosen.score]
        if not worse:
            return Drop(step="pair", reason="tie", detail=f"all answers are rated {chosen.score:.2f}")
        is_random = self.options.pair == "best-random"
        rejected = chance.choice(worse) if is_random else min(worse, key=lambda answer: answer.score)
        if (margin := round(chosen.score - rejected.score, 4)) < self.options.margin:
            return Drop(step="pair", reason="no margin", detail=f"the ratings are {margin:.2f} points apart")
        if not await self.settle(pair, **_columns(chosen, rejected), ranking=_ranking(answers)):
            return pair.dropped
        return await self._confirm(pair) if self.options.both_orders else None

    async def _answers(self, pair: RatedPair, chance: random.Random) -> list[RatedAnswer | Drop]:
        """The answers, in the random order of their models. What is asked twice of one model is sampled."""
        members = chance.sample(self.panel(), len(self.panel()))
        turns = [members[number % len(members)] for number in range(self.options.answers)]
        counts = Counter((member, chance.choice([*PRINCIPLES])) for member in turns)
        batches = await together(self._sampled(pair, *call, n) for call, n in counts.items())
        return [result for batch in batches for result in batch]

    async def _sampled(self, pair: RatedPair, member: Member, principle: str, n: int) -> list[RatedAnswer | Drop]:
        system, prompt = PRINCIPLES[principle], pair.instruction
        replies = await self.sample(pair, "answer", n, lm=member.lm, system=system, prompt=prompt)
        texts = [reply if isinstance(reply, Drop) else str(reply["response"]) for reply in replies]
        return await together(self._rated(prompt, member.alias, principle, text) for text in texts)

    async def _rated(self, prompt: str, model: str, principle: str, text: str | Drop) -> RatedAnswer | Drop:
        if isinstance(text, Drop):
            return text
        verdict = cast(Rated, await self.judge("aspects", Exchange(asked=prompt, said=text)))
        if verdict.score is None:
            return Drop(step="judge aspects", reason="unreadable verdict", detail=verdict.reason)
        return RatedAnswer(model, principle, text, verdict.ratings, round(1 + 4 * verdict.score, 4))

    async def _confirm(self, pair: RatedPair) -> Drop | None:
        """Ask the judge in both orders, and keep its probability. Returns why the pair is dropped."""
        with using(candidate=pair):
            verdict = await self.prefer.acall(pair.instruction, pair.chosen_answer, pair.rejected_answer)
        pair.probability = verdict.score
        reasons = {None: "unreadable verdict", 0.5: ORDERS_DISAGREE}
        if verdict.score is not None and verdict.score > 0.5:
            return None
        return Drop(
            step="judge prefer", reason=reasons.get(verdict.score, "rejected answer preferred"), detail=verdict.reason
        )


def _columns(chosen: RatedAnswer, rejected: RatedAnswer) -> dict[str, Any]:
    """The fields of a pair."""
    return {
        "chosen_answer": chosen.text,
        "rejected_answer": rejected.text,
        "score_chosen": chosen.score,
        "score_rejected": rejected.score,
        "models": [chosen.model, rejected.model],
        "principles": [chosen.principle, rejected.principle],
        "ratings_chosen": [*chosen.ratings],
        "ratings_rejected": [*rejected.ratings],
    }


def _ranking(answers: Sequence[RatedAnswer]) -> list[Ranked]:
    """All answers, the best first; equal scores have the same rank."""
    scores = sorted((answer.score for answer in answers), reverse=True)
    ranked = [Ranked(model=answer.model, rank=1 + scores.index(answer.score), answer=answer.text) for answer in answers]
    return sorted(ranked, key=lambda answer: answer.rank)


def make_judge() -> AspectsJudge:
    """The judge of single answers."""
    return AspectsJudge("aspects", JudgeAspect, ASPECTS)


def examples(seeds: Sequence[PromptSeed], options: FeedbackOptions) -> dict[str, list[dspy.Example]]:
    """People's answers, under the first principle. The step is asked bare, so only its demos are compiled."""
    system = next(iter(PRINCIPLES.values()))
    answers = [seed.example("prompt", system=system, response=seed.response) for seed in seeds]
    return {"answer": [answer.with_inputs("system", "prompt") for answer in answers]}


RECIPE = Recipe(
    name="ultrafeedback",
    paper="UltraFeedback; Cui et al. 2023",
    gives="a better and a worse answer to a prompt",
    reads="rows",
    inputs=("prompt",),
    seed=PromptSeed,
    program=UltraFeedback,
    feed=Shuffled,
    examples=examples,
    labelled={"answer": "near"},
    checks=("refusal", "leak", "repetition", "language"),
    judges=(make_judge,),
    required=frozenset({"aspects"}),
    reply_tokens=384,
)
