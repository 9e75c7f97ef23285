"""Tasks of simple words with their instances, and the faults that the paper's filters are there for."""

from collections.abc import Callable
from typing import Any

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of
from support.vocabulary import fill

from programs.core.pool import numbered
from programs.core.recipe import recipes

TASKS = (
    "Explain to a {adjective} visitor how to {verb} a {noun} without a {noun2}",
    "Tell a short story in which a {noun} and a {adjective} {noun2} learn to {verb}",
    "Give three reasons why a {adjective} {noun} should never {verb} near a {noun2}",
    "Decide whether the note on a {adjective} {noun} and its {noun2} sounds pleased or angry",
)
OUTPUT = "A {noun} is best when it is {adjective}, since nobody has to {verb} the {noun2} then."
INPUT = "Today the {adjective} {noun} came with a {noun2}, and we could {verb} it for an hour."
FOREIGN = "Опишите словами самый длинный день прошлого лета"
SEEDS = seeds_of(recipes()["self-instruct"])


def is_classification(call: Call) -> bool:
    return call.inputs["instruction"].startswith("Decide")


def first(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    """The first of the tasks is spoilt."""
    return lambda call, reply: {"proposals": [text(call, reply["proposals"][0]), *reply["proposals"][1:]]}


def instance(**changes: Callable[[Any], str]) -> Callable[[Call, Any], Reply]:
    """Fields of the instance are spoilt; each change takes the good reply."""
    return lambda call, reply: reply | {field: change(reply) for field, change in changes.items()}


PLANT = Plant(
    inputs=[
        {"tasks": numbered([SEEDS[(place + n) % len(SEEDS)].instruction for n in range(8)])}
        for place in range(len(SEEDS))
    ],
    good={
        "propose_instructions": lambda call: {"proposals": [fill(task, call.index, task) for task in TASKS]},
        "is_classification": lambda call: {"verdict": "yes" if is_classification(call) else "no"},
        "write_instance": lambda call: {
            "input": fill(INPUT, call.inputs["instruction"]),
            "output": fill(OUTPUT, call.inputs["instruction"]),
        },
        "list_labels": lambda call: {"labels": ["pleased", "angry"]},
        "write_input_for_label": lambda call: {"input": fill(INPUT, call.inputs["instruction"], call.inputs["label"])},
    },
    faults={
        "not for text": Fault("propose_instructions", first(lambda call, old: f"Draw a picture. {old}"), by="check"),
        "too short": Fault("propose_instructions", first(lambda call, old: fill("Name a {noun}", old)), by="check"),
        "program": Fault("propose_instructions", first(lambda call, old: f"Write a program. {old}"), by="check"),
        "list mark": Fault("propose_instructions", first(lambda call, old: f"- {old}"), by="check"),
        "copied seed": Fault(
            "propose_instructions", first(lambda call, old: SEEDS[call.index].instruction), by="check"
        ),
        "another language": Fault("propose_instructions", first(lambda call, old: FOREIGN), by="check"),
        "template leak": Fault("propose_instructions", first(lambda call, old: f"{old} {{input}}"), by="check"),
        "no output": Fault("write_instance", instance(output=lambda reply: ""), by="check"),
        "input again": Fault("write_instance", instance(output=lambda reply: reply["input"]), by="check"),
        "cut off": Fault("write_instance", instance(output=lambda reply: f"{reply['output'][:30]}:"), by="check"),
        "refusal": Fault("write_instance", instance(output=lambda reply: "I cannot help with that."), by="check"),
        "another task's output": Fault(
            "write_instance", instance(output=lambda reply: fill(OUTPUT, "another", reply["output"])), by="judge"
        ),
        "another label's input": Fault(
            "write_input_for_label", instance(input=lambda reply: fill(INPUT, "another", reply["input"])), by="judge"
        ),
    },
)
