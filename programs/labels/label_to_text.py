"""label-to-text: a text is written for a label, and kept if a classifier that is not told the label finds it."""

import random
from collections.abc import Sequence
from typing import Any

import dspy
from pydantic import Field

from programs.core.checks import FREE
from programs.core.inflection import bases
from programs.core.kinds import Labelled
from programs.core.labels import LabelOptions, Labels, as_line, as_list, controls, task_of
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop, Source
from programs.core.step import Step
from programs.core.text import blank_words, content_words, copied_share, is_crowded, plain, rouge_l, sentences
from programs.judges.judge import Judge
from signatures.labels.label_to_text import LENGTHS, Classify, JudgeCarries, WriteText

SAME = 0.7  # ROUGE-L from which a text repeats an example, as in Self-Instruct's pool (Wang et al. 2022, section 2.2)
VARIED = 1.0  # the temperature of texts: at 0 small models copy what is in the prompt (ours)
SHORT = 5  # letters of a word of which others begin with the same ones by chance: car, careful
TELLING = 5  # words of a definition that no text has by chance (ours)
RESTATED = 0.6  # of a text or a definition: the share that one run of the other's words may make up (ours)


class LabelToTextOptions(LabelOptions):
    """The options of label-to-text."""

    votes: int = Field(3, ge=1)
    """The sampled replies of `classify` that must all find the label of a text (ours)."""


class TextForLabel(Labelled):
    """A text that was written for a label.

    Attributes:
        task: what its labels say. definition: of its label. others: the other labels of the task with their
        definitions, a line each. votes: the labels that the classifier found in the text.
    """

    task: str = ""
    definition: str = ""
    others: str = ""
    votes: list[str] = Field(default_factory=list)

    @property
    def prompt(self) -> str:
        return f"{self.task}\nLabel: {self.label}"

    @property
    def labels(self) -> str:
        """All labels with their definitions, in an order that does not tell which one was asked for."""
        return "\n".join(sorted([as_line(self.label, self.definition), *self.others.splitlines()]))


class LabelSeed(Seed, row=TextForLabel):
    """A text to which a person gave a label of a task."""

    task: str = Field(min_length=1, description="the task, as the file of labels has it")
    label: str = Field(min_length=1)
    text: str = Field(min_length=1)


class LabelToText(Program):
    """label -> text -> what a classifier says of it, several times. The text is dropped if they do not agree on the
    label."""

    row = TextForLabel
    options: LabelToTextOptions = LabelToTextOptions()

    def __init__(self, options: LabelToTextOptions | None = None) -> None:
        super().__init__(options)
        self.write_text = Step(WriteText, temperature=VARIED)
        self.classify = Step(Classify)

    async def aforward(
        self, task: str = "", label: str = "", definition: str = "", others: str = "", examples: str = "", how: str = ""
    ) -> dspy.Prediction:
        row = TextForLabel(task=task, label=label, definition=definition, others=others)
        asked = {"task": task, "label": label, "definition": definition, "others": others}
        if await self.fill(row, "write_text", **asked, examples=examples, how=how):
            row.dropped = copied(row, examples)
        if not row.dropped:
            await self.follow("write_text", row)
        return dspy.Prediction(candidates=[row])

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        row = TextForLabel()
        row.take({**inputs, **outputs})
        row.dropped = copied(row, inputs.get("examples", ""))
        return [row]

    async def follow(self, name: str, candidate: Candidate) -> None:
        if name != "write_text" or not isinstance(candidate, TextForLabel):
            return
        inputs = {"task": candidate.task, "labels": candidate.labels, "text": candidate.text}
        votes = await self.sample(candidate, "classify", self.options.votes, **inputs)
        candidate.votes = [vote["label"].strip() for vote in votes if not isinstance(vote, Drop)]
        candidate.dropped = next((vote for vote in votes if isinstance(vote, Drop)), None) or disagreement(candidate)


def disagreement(row: TextForLabel) -> Drop | None:
    """The rejection of a text in which the classifier found another label at least once."""
    others = [vote for vote in row.votes if _name(vote) != _name(row.label)]
    if not others:
        return None
    return Drop(step="classify", reason="another label", detail=f"asked for {row.label}, it was taken for {others[0]}")


def copied(row: TextForLabel, examples: str) -> Drop | None:
    """The rejection of a text that repeats an example of its prompt, which need not be a seed."""
    if match := next((line for line in examples.splitlines() if rouge_l(row.text, line) >= SAME), None):
        return Drop(step="write_text", reason="copied example", detail=f"it repeats {match[:80]!r}")
    return None


def restates(row: TextForLabel) -> Drop | None:
    """A text that is what a label means, and no text that has it."""
    meanings = filter(None, [row.definition, *(line.partition(": ")[2] for line in row.others.splitlines())])
    for meaning in meanings:
        share = copied_share(meaning, row.text) if blank_words(meaning) >= TELLING else 0.0
        if max(share, copied_share(row.text, meaning)) >= RESTATED:
            return Drop(step="veto", reason="definition, no text", detail=f"it repeats {meaning[:80]!r}")
    return None


def names_its_label(row: TextForLabel) -> Drop | None:
    """A text with every word of its label, or with other forms of them: from it a classifier learns to spell."""
    label, words = content_words(row.label), content_words(row.text)
    named = _name(row.label) in plain(row.text).casefold() if is_crowded(row.label) else True
    if not label or not named or not all(any(map(_is_form_of(part), words)) for part in label):
        return None
    return Drop(step="veto", reason="names its label", detail=f"it has the word {row.label!r}")


def examples(
    seeds: Sequence[LabelSeed], options: LabelToTextOptions, sources: Sequence[Source] = ()
) -> dict[str, list[dspy.Example]]:
    """Texts are compiled without labels (many are right), the classifier against people's labels. Seeds whose label is
    not in the file of labels have no definition, so they are left out."""
    labels = {(source.inputs["task"], source.inputs["label"]): source for source in sources}
    known = [(seed, labels[seed.task, seed.label]) for seed in seeds if (seed.task, seed.label) in labels]
    return {
        "write_text": [_written(seed, seeds, options.shown, task_of(label, sources)) for seed, label in known],
        "classify": [_classified(seed, task_of(label, sources)) for seed, label in known],
    }


def _written(seed: LabelSeed, seeds: Sequence[LabelSeed], shown: int, task: dict[str, str]) -> dspy.Example:
    """The seed is the reply; other texts of its label are the examples in the prompt."""
    of_label = [other for other in seeds if (other.task, other.label) == (seed.task, seed.label)]
    texts = [other.text for other in of_label if other is not seed]
    sample = random.Random(f"examples {seed.id}").sample(texts, min(shown, len(texts)))
    length = LENGTHS[min(len(sentences(seed.text)), len(LENGTHS)) - 1]
    values = {**task, "examples": as_list(sample), "how": controls(length)}
    return dspy.Example(**values, text=seed.text, group=seed.group).with_inputs(*values)


def _classified(seed: LabelSeed, task: dict[str, str]) -> dspy.Example:
    values = {"task": seed.task, "labels": TextForLabel(**task).labels, "text": seed.text}
    return dspy.Example(**values, label=seed.label, group=seed.group).with_inputs(*values)


def make_carries() -> Judge:
    """Whether a text has its label and no other; it knows the names of the task and the label alone."""
    return Judge("carries", JudgeCarries, negatives=["another text"])


def _name(label: str) -> str:
    """The name of a label for comparison."""
    return plain(label).strip(" \n.:*\"'`-").casefold()


def _is_form_of(part: str) -> Any:
    """Whether a word is a form of this part of a label, by the rules of English for a part of up to five letters; by
    three fifths of a longer one. So `complained` is a form of `complaint`, and `completely` is none."""
    if len(part) <= SHORT:
        return lambda word: part in bases(word)
    beginning = part[: max(SHORT, -(-3 * len(part) // 5))]
    return lambda word: word.startswith(beginning)


RECIPE = Recipe(
    name="label-to-text",
    paper="label-conditional generation; Ye et al. 2022 (ZeroGen), Meng et al. 2022 (SuperGen)",
    gives="text with a label, for a classifier",
    reads="labels",
    seed=LabelSeed,
    program=LabelToText,
    feed=Labels,
    examples=examples,
    labelled={"classify": "same"},
    judges=(make_carries,),
    checks=(*FREE[:-1], names_its_label, restates, FREE[-1]),
)
