"""self-instruct: new tasks from a pool of tasks, each with its instances (Wang et al. 2022, section 2.2)."""

import random
from collections.abc import Sequence
from typing import Any

import dspy
from pydantic import Field

from programs.core.background import together
from programs.core.checks import FREE
from programs.core.instance import NO_INPUT, Instance, Task, TaskSeed, broken, consistent, word_filter
from programs.core.pool import Pool, PoolOptions, numbered
from programs.core.program import Program
from programs.core.recipe import Recipe
from programs.core.row import Candidate, Drop, digest, one_each
from programs.core.step import Step
from programs.core.text import plain
from signatures.instructions.self_instruct import (
    PROPOSALS,
    IsClassification,
    ListLabels,
    ProposeForApplication,
    ProposeInstructions,
    WriteInputForLabel,
    WriteInstance,
)
from signatures.variants import with_number


class SelfInstructOptions(PoolOptions):
    """The options of self-instruct."""

    application: str = ""
    """What the application does that the tasks are for; empty for tasks of any kind (distilabel's Self-Instruct)."""
    proposals: int = Field(PROPOSALS, ge=1)
    """The new instructions of one call at most (the published code stops at item 16 of a list that starts with 8)."""
    labels: int = Field(2, ge=1)
    """The instances of a classification task, each with another label (ours)."""
    outputs: bool = True
    """Whether instructions get their input and output; if not, a row is a prompt (distilabel's Self-Instruct)."""


class SelfInstruct(Program):
    """A list of tasks -> up to eight new ones -> each filtered, classified, and completed with its instances.

    Instances of a classification task are written output first (labels, then an input for each), or most inputs would
    have the same label; those of other tasks input first.
    """

    row: type[Instance | Task] = Instance
    options: SelfInstructOptions = SelfInstructOptions()

    def __init__(self, options: SelfInstructOptions | None = None) -> None:
        super().__init__(options)
        self.row = Instance if self.options.outputs else Task
        propose = ProposeForApplication if self.options.application else ProposeInstructions
        self.propose_instructions = Step(with_number(propose, PROPOSALS, self.options.proposals))
        self.is_classification = Step(IsClassification)
        self.write_instance = Step(WriteInstance)
        self.list_labels = Step(ListLabels)
        self.write_input_for_label = Step(WriteInputForLabel)

    async def aforward(self, tasks: str = "") -> dspy.Prediction:
        batch = self.row()
        outputs = await self.ask(batch, "propose_instructions", tasks=tasks, **_application(self.options))
        proposals = [batch] if outputs is None else self._proposals(outputs["proposals"])
        sets = await together(self._instances(task) for task in proposals)
        return dspy.Prediction(candidates=[instance for instances in sets for instance in instances])

    async def _instances(self, task: Instance | Task) -> Sequence[Instance | Task]:
        task.dropped = task.dropped or word_filter(task)
        if task.dropped or not await self.settle(task, instruction=task.instruction) or isinstance(task, Task):
            return [task]
        outputs = await self.ask(task, "is_classification", instruction=task.instruction)
        if outputs is None:
            return [task]
        task.classification = outputs["verdict"] == "yes"
        instances = await (self._output_first(task) if task.classification else self._input_first(task))
        return consistent(instances)

    async def _input_first(self, task: Instance) -> list[Instance]:
        if await self.fill(task, "write_instance", instruction=task.instruction):
            task.dropped = broken(task)
        return [task]

    async def _output_first(self, task: Instance) -> list[Instance]:
        outputs = await self.ask(task, "list_labels", instruction=task.instruction)
        if outputs is None:
            return [task]
        labels = _pick(outputs["labels"], task.instruction)[: self.options.labels]
        if not labels:
            task.dropped = Drop(step="list_labels", reason="no label")
            return [task]
        instances = [task.model_copy(update={"output": label}) for label in labels]
        await together(map(self._write_input, instances))
        return instances

    async def _write_input(self, instance: Instance) -> None:
        inputs = {"instruction": instance.instruction, "label": instance.output}
        if await self.fill(instance, "write_input_for_label", **inputs):
            instance.dropped = broken(instance)

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        if name == "propose_instructions":
            return [*self._proposals(outputs["proposals"])]
        instance = Instance()
        instance.take({"output": inputs.get("label", ""), **inputs, **outputs})
        if name in ("write_instance", "write_input_for_label"):
            instance.dropped = broken(instance)
        return [instance]

    def _proposals(self, texts: Sequence[str]) -> Sequence[Instance | Task]:
        instructions = [" ".join(text.split()) for text in texts]
        return one_each(self.row(), "instruction", instructions, self.options.proposals, "propose_instructions")


def _application(options: SelfInstructOptions) -> dict[str, str]:
    """The input that names the application, if there is one."""
    return {"application": options.application} if options.application else {}


def _pick(labels: Sequence[str], instruction: str) -> list[str]:
    """The labels, from a start that the instruction's hash picks, because models list the likeliest first."""
    distinct = list({plain(label).strip().casefold(): label.strip() for label in labels if label.strip()}.values())
    start = int(digest(instruction), 16) % max(1, len(distinct))
    return [*distinct[start:], *distinct[:start]]


def examples(seeds: Sequence[TaskSeed], options: SelfInstructOptions) -> dict[str, list[dspy.Example]]:
    """Only the kind of a task has a single right answer; lists of tasks and instances are compiled without labels."""
    lists = {"propose_instructions": [_list(seeds, number, options) for number in range(len(seeds))]}
    if not options.outputs:
        return lists
    return {
        **lists,
        "is_classification": [
            seed.example("instruction", verdict="yes" if seed.classification else "no") for seed in seeds
        ],
        "write_instance": [
            seed.example("instruction", input=seed.input or NO_INPUT, output=seed.output)
            for seed in seeds
            if not seed.classification
        ],
        "write_input_for_label": [
            seed.example("instruction", label=seed.output, input=seed.input).with_inputs("instruction", "label")
            for seed in seeds
            if seed.classification and seed.input
        ],
    }


def _list(seeds: Sequence[TaskSeed], number: int, options: SelfInstructOptions) -> dspy.Example:
    """Eight seeds for the prompt, or half of them where there are few, and eight more as the reply."""
    shown, proposals, inputs = options.shown, options.proposals, _application(options)
    places = random.Random(f"list {number}").sample(range(len(seeds)), min(shown + proposals, len(seeds)))
    tasks, cut = [seeds[place].instruction for place in places], min(shown, len(seeds) // 2)
    return dspy.Example(
        tasks=numbered(tasks[:cut]), proposals=tasks[cut : cut + proposals], group=f"list-{number}", **inputs
    ).with_inputs("tasks", *inputs)


RECIPE = Recipe(
    name="self-instruct",
    paper="Self-Instruct; Wang et al. 2022",
    gives="instruction, input and output",
    reads="seeds",
    seed=TaskSeed,
    program=SelfInstruct,
    feed=Pool,
    examples=examples,
    labelled={"is_classification": "same"},
    checks=(*FREE[:-1], word_filter, FREE[-1]),
)
