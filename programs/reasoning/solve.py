"""solve: several solutions of a problem, of which the right ones are rows (ReST-EM, RFT and STaR)."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import dspy
from pydantic import Field

from programs.core.equations import equations, same_derivation
from programs.core.feed import Shuffled
from programs.core.kinds import Chat
from programs.core.mathematics import final_answer, gold_of, majority, reaches, same_answer, trimmed, value
from programs.core.options import Options
from programs.core.outputs import Outputs
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop
from programs.core.step import Step
from programs.core.text import numbers, sentences
from signatures.reasoning.solve import CLOSING, ExplainAnswer, SolveProblem


class SolveOptions(Options):
    """The options of solve."""

    draws: int = Field(8, ge=1)
    """How many solutions of each problem the teacher writes (ours; ReST-EM has 32: Singh et al. 2023, section on
    implementation details)."""
    temperature: float = Field(0.7, gt=0, le=2)
    """The temperature of these solutions (ReST-EM, in the same section)."""
    at_most: int = Field(4, ge=1)
    """The most rows of one problem (ours; ReST-EM has 10)."""
    majority: float = Field(0.6, gt=0.5, le=1)
    """A problem without an answer: the share of its readable answers that must agree, which are two at least (ours)."""
    hints: bool = False
    """Whether the teacher explains the answer of a problem that it could not solve; such rows are marked `hinted`
    (the rationalization of STaR, Zelikman et al. 2022, section 3.2)."""


class Solution(Chat, prompt="problem"):
    """A problem with a solution. `sample` is the number of its draw, and `pass_rate` the share of its problem's draws
    that were right."""

    problem: str = ""
    reasoning: str = ""
    answer: str = ""
    gold: str | None = None
    verified: Literal["gold", "majority"] | None = None
    pass_rate: float = 0.0
    sample: int = 0
    hinted: bool = False
    thinking: str = Field("", description="what a reasoning model thought first")

    @property
    def response(self) -> str:
        return f"{self.reasoning}\n{CLOSING.format(self.answer)}" if self.reasoning and self.answer else ""

    @property
    def novelty_key(self) -> str:
        """Many rows share a problem."""
        return self.response


class ProblemSeed(Seed, row=Solution):
    """A problem that a person solved."""

    problem: str = Field(min_length=1)
    reasoning: str = Field(min_length=1, description="the steps, each computation in numbers alone, as 6 * 45 = 270")
    answer: str = Field(min_length=1, description="the final answer alone")

    @property
    def row(self) -> Solution:
        return Solution(**self.model_dump(exclude={"id"}), gold=self.answer, verified="gold")


class Solve(Program):
    """problem -> several solutions, checked against the answer, or against each other if there is none."""

    row = Solution
    options: SolveOptions = SolveOptions()

    def __init__(self, options: SolveOptions | None = None) -> None:
        super().__init__(options)
        self.solve = Step(SolveProblem, temperature=self.options.temperature)
        self.explain_answer = Step(ExplainAnswer)

    async def aforward(self, problem: str = "", answer: str = "") -> dspy.Prediction:
        blank = Solution(problem=problem, gold=gold_of(answer))
        draws = [blank.model_copy(update={"sample": number}) for number in range(self.options.draws)]
        for draw, reply in zip(draws, await self.sample_each(draws, "solve", problem=problem), strict=True):
            _write(draw, reply)
        passed = _passed(draws, self.options.majority)
        await self._select(passed, len(passed) / len(draws))
        if self.options.hints and blank.gold and not passed:
            draws.append(await self._explained(blank.model_copy(update={"sample": len(draws)})))
        return dspy.Prediction(candidates=draws)

    async def _select(self, passed: Sequence[Solution], pass_rate: float) -> None:
        """Drop what the checks refuse, the same derivation again, and what is more than `at_most`."""
        selected = list[Solution]()
        for draw in passed:
            if not await self.settle(draw, verified="gold" if draw.gold else "majority", pass_rate=pass_rate):
                continue
            draw.dropped = _repeats(draw, selected)
            if not draw.dropped and len(selected) == self.options.at_most:
                draw.dropped = _drop("enough solutions", f"the problem has {len(selected)} already")
            if not draw.dropped:
                selected.append(draw)

    async def _explained(self, draw: Solution) -> Solution:
        """STaR's rationalization: a solution by a teacher that was told the answer, and must come to it."""
        draw.hinted, draw.verified = True, "gold"
        outputs = await self.ask(draw, "explain_answer", problem=draw.problem, answer=draw.gold)
        if outputs and not reaches((sentences(outputs["reasoning"]) or [""])[-1], str(draw.gold)):
            draw.dropped = Drop(step="explain_answer", reason="wrong answer", detail=outputs["reasoning"])
        elif outputs:
            await self.settle(draw, answer=draw.gold, thinking=outputs.thinking, **outputs)
        return draw

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        solution = Solution()
        solution.take({**inputs, **outputs})
        solution.dropped = wrong_step(solution)
        return [solution]


def _write(draw: Solution, reply: Outputs | Drop) -> None:
    """Fill a draw with its reply."""
    if isinstance(reply, Drop):
        draw.dropped = reply
    else:
        draw.take({**reply, "answer": _answer(reply["answer"], draw.gold), "thinking": reply.thinking})


def _answer(text: str, gold: str | None) -> str:
    """The final answer in the last field of a reply, as far as it can be found."""
    text = trimmed(text)
    return text if gold and same_answer(text, gold) else final_answer(text) or text


def _passed(draws: Sequence[Solution], share: float) -> list[Solution]:
    """The draws with the right answer: the gold one, or that of the majority. The others get a Drop."""
    for draw in _without_drop(draws):
        if (same_answer(draw.answer, draw.gold) if draw.gold else value(draw.answer)) is None:
            draw.dropped = _drop("unreadable answer", f"it says {draw.answer!r}")
    readable = _without_drop(draws)
    common = majority([draw.answer for draw in readable], share)
    for draw in readable:
        target = draw.gold or common
        if not target:
            draw.dropped = _drop("no majority", f"it says {draw.answer}; too few others do")
        elif not same_answer(draw.answer, target):
            reason = "wrong answer" if draw.gold else "minority answer"
            draw.dropped = _drop(reason, f"it says {draw.answer}; the answer is {target}")
    return _without_drop(readable)


def _without_drop(draws: Sequence[Solution]) -> list[Solution]:
    return [draw for draw in draws if not draw.dropped]


def _repeats(draw: Solution, others: Sequence[Solution]) -> Drop | None:
    same = [other.sample for other in others if same_derivation(draw.reasoning, other.reasoning)]
    return _drop("same derivation", f"as in solution {same[0]}") if same else None


def wrong_step(solution: Solution) -> Drop | None:
    """A computation that does not hold: a right answer by wrong steps. RFT (Yuan et al. 2023) drops it
    too."""
    wrong = [equation for equation in equations(solution.reasoning) if equation.holds is False]
    return _drop("wrong step", f"{' = '.join(wrong[0].sides)} does not hold") if wrong else None


def not_in_steps(solution: Solution) -> Drop | None:
    """An answer that no step mentions: a right answer by the steps of something else (ours)."""
    steps, answer = solution.reasoning, solution.answer
    if not (steps and answer) or re.search(rf"(?<![\w.,]){re.escape(answer)}(?!\w|[.,]\d)", steps):
        return None
    if any(same_answer(number, answer.lstrip("-")) for number in (*numbers(steps), final_answer(steps))):
        return None
    return _drop("answer not in the steps", f"no step comes to {answer}")


def _drop(reason: str, detail: str) -> Drop:
    return Drop(step="solve", reason=reason, detail=detail)


def examples(seeds: Sequence[ProblemSeed], options: SolveOptions) -> dict[str, list[dspy.Example]]:
    """Solutions are compiled against the answers: any way to the right one will do."""
    return {
        "solve": [seed.example("problem", reasoning=seed.reasoning, answer=seed.answer) for seed in seeds],
    }


RECIPE = Recipe(
    name="solve",
    paper="ReST-EM (Singh et al. 2023), RFT (Yuan et al. 2023) and STaR (Zelikman et al. 2022)",
    gives="solution with steps, whose answer was checked",
    reads="rows",
    inputs=("problem",),
    optional_inputs=("answer",),
    seed=ProblemSeed,
    program=Solve,
    feed=Shuffled,
    examples=examples,
    labelled={"solve": "answer"},
    checks=("refusal", "template marks", "repetition", "language", wrong_step, not_in_steps),
    reply_tokens=256,
)
