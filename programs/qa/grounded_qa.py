"""grounded-qa: a question on a passage, and its answer from the passage alone (the scheme of Falcon's grounded QA)."""

import random
from collections.abc import Sequence
from typing import Annotated, Any

import dspy
from pydantic import Field

from programs.core.checks import GROUNDED, ON_TOPIC
from programs.core.feed import ChunkFeed, FeedInput
from programs.core.kinds import Chat
from programs.core.options import PassageOptions
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop, Source, digest
from programs.core.step import Step
from signatures.qa.grounded_qa import AnswerQuestion, AskBeyond, AskQuestion, InventDocument
from signatures.refusal import DOES_NOT_SAY, declines


class GroundedOptions(PassageOptions):
    """The options of grounded-qa."""

    unanswerable: float = Field(0.0, ge=0, le=1)
    """The share of rows whose right answer is that the document does not say; the teacher is asked each question once,
    and one that it answers is dropped (ours)."""
    invent: bool = False
    """No documents: the teacher writes them after the seeds, and rows are marked `invented` (ours)."""

    @property
    def needs_sources(self) -> bool:
        return not self.invent


class QA(Chat, document="passage", prompt="question", response="answer"):
    """A question and its answer, both from a passage."""

    passage: str = ""
    question: str = ""
    answer: str = ""
    answerable: bool = True
    invented: bool = False


class QASeed(Seed, group="source"):
    """A labelled question on a passage. `answer: null` means that the passage has no answer."""

    source: str = Field(description="the document the passage is from; seeds of one document stay together")
    document: str = Field(min_length=1, description="the passage")
    question: str = Field(min_length=1)
    answer: Annotated[str, Field(min_length=1)] | None

    @property
    def row(self) -> QA:
        answer, answerable = self.answer or DOES_NOT_SAY, self.answer is not None
        return QA(passage=self.document, question=self.question, answer=answer, answerable=answerable)


class GroundedQA(Program):
    """passage -> question -> answer. Pass `document`; or only `examples`, to invent the document first.

    With `answerable=False` the question is one that the document does not answer, and the answer says so.
    """

    row = QA
    options: GroundedOptions = GroundedOptions()

    def __init__(self, options: GroundedOptions | None = None) -> None:
        super().__init__(options)
        self.invent_document = Step(InventDocument)
        self.ask_question = Step(AskQuestion)
        self.ask_beyond = Step(AskBeyond)
        self.answer_question = Step(AnswerQuestion)

    async def aforward(self, document: str = "", examples: str = "", answerable: bool = True) -> dspy.Prediction:
        row, ask = QA(passage=document, answerable=answerable), "ask_question" if answerable else "ask_beyond"
        row.invented = not document
        has_passage = document or await self.fill(row, "invent_document", examples=examples)
        if has_passage and await self.fill(row, ask, document=row.passage):
            await (self.follow(ask, row) if answerable else self.settle(row, answer=DOES_NOT_SAY))
        return dspy.Prediction(candidates=[row])

    async def follow(self, name: str, candidate: Candidate) -> None:
        if name == "ask_question":
            await self.fill(candidate, "answer_question", document=candidate.document, question=candidate.prompt)

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        return super().read(name, {**inputs, "answerable": name != "ask_beyond"}, outputs)


class QAFeed(ChunkFeed):
    """Passages; or groups of seed passages to invent documents from. A share of the questions is unanswerable."""

    def __init__(self, feed_input: FeedInput) -> None:
        super().__init__(feed_input)
        self._seeds = [seed for seed in feed_input.seeds if seed.document]
        self._seed, self._options = feed_input.seed, feed_input.options

    def source_at(self, position: int) -> Source | None:
        source = self._invented(position) if self._options.invent else super().source_at(position)
        if source is None or random.Random(f"{self._seed}|{position}").random() >= self._options.unanswerable:
            return source
        return source.model_copy(update={"inputs": {**source.inputs, "answerable": False}})

    def _invented(self, position: int) -> Source | None:
        if not self._seeds:
            return None
        sample = random.Random(f"{self._seed}|{position}|shown").sample(self._seeds, min(3, len(self._seeds)))
        shown = [seed.document for seed in sample]
        return Source(
            id=digest("invented", position, *shown),
            group=f"invented-{position}",
            inputs={"examples": "\n\n".join(shown)},
            origin={"invented": True},
            shown=[seed.id for seed in sample],
            draw=min(position, 1),
        )


def examples(seeds: Sequence[QASeed], options: GroundedOptions) -> dict[str, list[dspy.Example]]:
    """Questions are compiled without labels (many are right), answers against people's. Questions that the document
    does not answer are compiled only if some are wanted."""
    asked = [(seed.row.answerable, seed.example("document", question=seed.question)) for seed in seeds]
    return {
        "ask_question": [example for answerable, example in asked if answerable],
        "ask_beyond": [example for answerable, example in asked if not answerable and options.unanswerable],
        "answer_question": [seed.example("document", "question", answer=seed.row.answer) for seed in seeds],
    }


def unanswered(candidate: QA) -> Drop | None:
    """The rejection of a question that the document should answer, if the teacher says that it does not."""
    if candidate.answerable and declines(candidate.answer):
        return Drop(step="answer_question", reason="unanswerable question", detail=candidate.answer)
    return None


RECIPE = Recipe(
    name="grounded-qa",
    paper="Falcon grounded QA; Penedo et al. 2023",
    gives="question and answer resting on a passage",
    reads="passages",
    seed=QASeed,
    program=GroundedQA,
    feed=QAFeed,
    examples=examples,
    labelled={"answer_question": "like"},
    checks=(*GROUNDED, unanswered, *ON_TOPIC),
    judges=("correct",),
    round_trip="answer_question",
)
