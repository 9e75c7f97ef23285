"""Plain prompts that are given a further condition of simple words, and the faults of models that rewrite prompts."""

import json
from collections.abc import Callable
from typing import Any

from support.paths import DATA
from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of
from support.vocabulary import fill

from programs.core.recipe import recipes
from signatures.instructions.evol_instruct import BREADTH, TEXT

MORE = "Do it with a {noun} that is {adjective}, and say when it should not {verb} a {noun2}."
CREATED = "Explain to a {adjective} {noun} how it may {verb} a {adjective2} {noun2} that is hard to find."
ANSWER = "The {noun} is {adjective} at first, so {verb} it slowly and leave the {noun2} where it is."
STATED = (
    "The {noun} is more {adjective} than a {noun2}, which may {verb} with it now and again when it is {adjective2}."
)
FOREIGN = "请再写一个更难的问题并且说明其中的理由"
LINES = (DATA / "instructions/evol_instruct/prompts.jsonl").read_text(encoding="utf-8").splitlines()
PROMPTS = [json.loads(line)["prompt"] for line in LINES]
SEEDS = [seed for seed in seeds_of(recipes()["evol-instruct"]) if seed.row]


def rewritten(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    """The new prompt is spoilt."""
    return lambda call, reply: {"rewritten": text(call, reply["rewritten"])}


def answered(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    """The answer is spoilt."""
    return lambda call, reply: {"answer": text(call, reply["answer"])}


PLANT = Plant(
    inputs=[
        {"prompt": prompt, "operator": operator}
        for place, prompt in enumerate(PROMPTS)
        for operator in ([*TEXT][place % 5], BREADTH)
    ],
    good={
        "evolve": lambda call: {"rewritten": f"{call.inputs['prompt']} {fill(MORE, call.inputs['prompt'])}"},
        "branch": lambda call: {"created": fill(CREATED, call.inputs["prompt"])},
        "answer": lambda call: {"answer": fill(ANSWER, call.inputs["prompt"])},
    },
    faults={
        "unchanged": Fault("evolve", rewritten(lambda call, old: f"{call.inputs['prompt'].upper()}"), by="check"),
        "template words": Fault("evolve", rewritten(lambda call, old: f"#Rewritten Prompt#: {old}"), by="check"),
        "heading": Fault("evolve", rewritten(lambda call, old: f"Rewritten: {old}"), by="check"),
        "statement": Fault("evolve", rewritten(lambda call, old: fill(STATED, old)), by="check"),
        "operator's words": Fault("evolve", rewritten(lambda call, old: f"{old} {call.inputs['how']}"), by="check"),
        "shorter": Fault("evolve", rewritten(lambda call, old: fill("{verb} it", old)), by="check"),
        "answer in its place": Fault("evolve", rewritten(lambda call, old: f"{old} {fill(ANSWER) * 3}"), by="check"),
        "copied seed": Fault(
            "branch", lambda call, reply: {"created": SEEDS[call.index % len(SEEDS)].rewritten}, by="check"
        ),
        "another language": Fault("evolve", rewritten(lambda call, old: FOREIGN), by="check"),
        "sorry": Fault("answer", answered(lambda call, old: f"Sorry, this is not clear to me. {old}"), by="check"),
        "no content": Fault("answer", answered(lambda call, old: "Yes, it is!"), by="check"),
        "refusal": Fault("answer", answered(lambda call, old: "I cannot help with that."), by="check"),
        "template mark": Fault("answer", answered(lambda call, old: f"{old}<|im_end|>"), by="check"),
        "padded": Fault(
            "evolve",
            rewritten(lambda call, old: f"{call.inputs['prompt']} Please answer as well as you can."),
            by="judge",
        ),
        "another subject": Fault("evolve", rewritten(lambda call, old: fill(CREATED, "another", old)), by="judge"),
    },
)
