"""lab: new questions for the leaves of a taxonomy, each checked, answered and graded (Sudalairaj et al. 2024)."""

import random
from collections.abc import Sequence
from typing import Any

import dspy
from pydantic import Field

from programs.core.background import together
from programs.core.feed import FeedInput, Quiet, grouped
from programs.core.kinds import Chat
from programs.core.options import Options
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop, Source, digest, one_each
from programs.core.step import Step
from signatures.instructions.lab import QUESTIONS, AnswerForTask, AskFromTopic, CheckQuestion
from signatures.variants import with_number

NO_CONTEXT = "none"


class LabOptions(Options):
    """The options of lab."""

    questions: int = Field(QUESTIONS, ge=1)
    """The questions of one call (section 3.2)."""
    shown: int = Field(3, ge=1)
    """The examples of a leaf in one call at most (ours; the paper's prompt has one)."""


class Pair(Chat, response="answer"):
    """A question for a task, and its answer. The context is no `document`, because answers of a leaf such as unit
    conversion have words and numbers that the context does not have."""

    task: str = ""
    context: str = NO_CONTEXT
    question: str = ""
    answer: str = ""

    @property
    def prompt(self) -> str:
        bare = self.context == NO_CONTEXT or not self.question
        return self.question if bare else f"{self.context}\n\n{self.question}"

    @property
    def request(self) -> str:
        return self.question


class LeafSeed(Seed, group="leaf"):
    """A person's question and answer on one leaf of the taxonomy."""

    leaf: str = Field(min_length=1, description="its place in the taxonomy; seeds of one leaf stay together")
    task: str = Field(min_length=1, description="what the leaf's questions are for")
    document: str | None = Field(None, description="the text the question is about")
    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)

    @property
    def row(self) -> Pair:
        context = self.document or NO_CONTEXT
        return Pair(task=self.task, context=context, question=self.question, answer=self.answer)


class Lab(Program):
    """task, examples, context -> five questions; each is checked 0/1 and, if kept, answered (section 3.2).

    The question alone is the prompt of the answer, below its context if it has one, as in the paper.
    """

    row = Pair
    options: LabOptions = LabOptions()

    def __init__(self, options: LabOptions | None = None) -> None:
        super().__init__(options)
        self.ask_from_topic = Step(with_number(AskFromTopic, QUESTIONS, self.options.questions))
        self.check_question = Step(CheckQuestion)
        self.answer_for_task = Step(AnswerForTask, "bare")

    async def aforward(self, task: str = "", examples: str = "", context: str = NO_CONTEXT) -> dspy.Prediction:
        blank = Pair(task=task, context=context)
        outputs = await self.ask(blank, "ask_from_topic", task=task, examples=examples, context=context)
        pairs = [blank] if outputs is None else self._pairs(blank, outputs["questions"])
        await together(self._write(pair) for pair in pairs if not pair.dropped)
        return dspy.Prediction(candidates=pairs)

    async def _write(self, pair: Pair) -> None:
        inputs = {"task": pair.task, "context": pair.context, "question": pair.question}
        if not await self.settle(pair, question=pair.question):
            return
        gate = await self.ask(pair, "check_question", **inputs)
        if gate and gate["verdict"] == "no":
            pair.dropped = Drop(step="check_question", reason="question gate", detail=gate["reasoning"])
        if not pair.dropped:
            await self.fill(pair, "answer_for_task", prompt=pair.prompt)

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        if name == "answer_for_task":
            return [Pair(question=inputs["prompt"], answer=outputs["answer"])]
        return [*self._pairs(Pair(task=inputs["task"], context=inputs["context"]), outputs["questions"])]

    def _pairs(self, blank: Pair, questions: Sequence[str]) -> list[Pair]:
        stripped = [question.strip() for question in questions]
        return one_each(blank, "question", stripped, self.options.questions, "ask_from_topic")


class Leaves(Quiet):
    """The leaves in turn, in shuffled order and without end; each time with other examples of the leaf."""

    def __init__(self, feed_input: FeedInput) -> None:
        self._seed, self._leaves = feed_input.seed, grouped(feed_input.seeds)
        self._order = sorted(self._leaves, key=lambda leaf: digest(feed_input.seed, leaf))
        self._shown: int = feed_input.options.shown

    def source_at(self, position: int) -> Source | None:
        if not self._order:
            return None
        draw, index = divmod(position, len(self._order))
        leaf, chance = self._order[index], random.Random(f"{self._seed}|{position}")
        shown = chance.sample(self._leaves[leaf], min(self._shown, len(self._leaves[leaf])))
        context = chance.choice(shown).document or NO_CONTEXT
        return Source(
            id=digest("leaf", position, *(seed.id for seed in shown)),
            group=leaf,
            inputs={"task": shown[0].task, "examples": as_examples(shown), "context": context},
            origin={"leaf": leaf},
            shown=[seed.id for seed in shown],
            draw=draw,
        )


def as_examples(seeds: Sequence[LeafSeed]) -> str:
    """Questions with their answers, as a prompt shows them."""
    return "\n".join(f"Question: {seed.question}\nAnswer: {seed.answer}" for seed in seeds)


def examples(seeds: Sequence[LeafSeed], options: LabOptions) -> dict[str, list[dspy.Example]]:
    """Questions are compiled without labels (many are right), answers against people's; the gate has no labels."""
    leaves = [leaf for leaf in grouped(seeds).values() if len(leaf) >= 3]
    return {
        "ask_from_topic": [_question_demo(seed, leaf, options.questions) for leaf in leaves for seed in leaf],
        "answer_for_task": [seed.example("prompt", answer=seed.answer) for seed in seeds],
    }


def _question_demo(shown: LeafSeed, leaf: Sequence[LeafSeed], questions: int) -> dspy.Example:
    """One seed is the example in the prompt, as in the paper. The questions of the rest are the reply, and their texts
    the context."""
    rest = [seed for seed in leaf[: questions + 1] if seed is not shown][:questions]
    return shown.example(
        "task",
        examples=as_examples([shown]),
        context="\n".join(seed.document for seed in rest if seed.document) or NO_CONTEXT,
        questions=[seed.question for seed in rest],
    ).with_inputs("task", "examples", "context")


RECIPE = Recipe(
    name="lab",
    paper="LAB; Sudalairaj et al. 2024",
    gives="question and answer for a leaf of a taxonomy",
    reads="seeds",
    seed=LeafSeed,
    program=Lab,
    feed=Leaves,
    examples=examples,
    labelled={"answer_for_task": "like"},
    judges=("pair",),
    required=frozenset({"pair"}),
)
