"""Questions and answers of simple words for the leaves of the seeds, and the faults of models that write freely."""

from collections.abc import Callable
from typing import Any

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of
from support.vocabulary import fill

from programs.core.recipe import recipes
from programs.instructions.lab import NO_CONTEXT, as_examples

QUESTION = "How would you {verb} a {adjective} {noun} when there is a {adjective2} {noun2} in the way?"
ANSWER = "First put the {adjective} {noun} aside, then {verb} what is left of the {noun2}."
FOREIGN = "请问这个季节的花园里应该先做什么工作呢"
SEEDS = seeds_of(recipes()["lab"])


def questions(call: Call) -> Reply:
    return {"questions": [fill(QUESTION, call.index, number) for number in range(5)]}


def third(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    """The third of the questions is spoilt."""
    return lambda call, reply: {
        "questions": [text(call, old) if n == 2 else old for n, old in enumerate(reply["questions"])]
    }


def answered(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    """The answer is spoilt."""
    return lambda call, reply: {"answer": text(call, reply["answer"])}


PLANT = Plant(
    inputs=[
        {"task": seed.task, "examples": as_examples([seed]), "context": seed.document or NO_CONTEXT} for seed in SEEDS
    ],
    good={
        "ask_from_topic": questions,
        "check_question": lambda call: {"reasoning": "clear and complete", "verdict": "yes"},
        "answer_for_task": lambda call: {"answer": fill(ANSWER, call.inputs["prompt"])},
    },
    faults={
        "copied seed": Fault("ask_from_topic", third(lambda call, old: SEEDS[call.index].question), by="check"),
        "another language": Fault("ask_from_topic", third(lambda call, old: FOREIGN), by="check"),
        "label in the question": Fault("ask_from_topic", third(lambda call, old: f"Question: {old}"), by="check"),
        "question goes round in circles": Fault("ask_from_topic", third(lambda call, old: f"{old} " * 3), by="check"),
        "no questions": Fault("ask_from_topic", lambda call, reply: {"questions": []}, by="check"),
        "refusal": Fault("answer_for_task", answered(lambda call, old: "I'm sorry, but I can't do that."), by="check"),
        "template leak": Fault("answer_for_task", answered(lambda call, old: f"{old}<|im_end|>"), by="check"),
        "answer goes round in circles": Fault("answer_for_task", answered(lambda call, old: f"{old} " * 3), by="check"),
        "empty answer": Fault("answer_for_task", answered(lambda call, old: ""), by="check"),
        "another question's answer": Fault(
            "answer_for_task", answered(lambda call, old: fill(ANSWER, "another", call.inputs["prompt"])), by="judge"
        ),
        "question again": Fault("answer_for_task", answered(lambda call, old: call.inputs["prompt"]), by="judge"),
        "broken off": Fault("answer_for_task", answered(lambda call, old: old[: len(old) // 2]), by="judge"),
    },
)
