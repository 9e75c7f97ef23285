"""The solutions of the seeds, one a problem, and the ways in which a solution can be wrong."""

import re
from collections.abc import Callable
from typing import Any

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of
from support.vocabulary import fill

from programs.core.recipe import recipes

SEEDS = seeds_of(recipes()["solve"])


def spoilt(by: str = "check", **changes: Callable[[Call, Any], str]) -> Fault:
    """Fields of the solution are spoilt."""
    return Fault(
        "solve", lambda call, reply: reply | {field: change(call, reply) for field, change in changes.items()}, by=by
    )


def false_result(call: Call, reply: Any) -> str:
    """The first computation has another result, and the rest is as it was."""
    return re.sub(r"= (\d+)", lambda result: f"= {int(result[1]) + 2}", reply["reasoning"], count=1)


def without_steps(call: Call, reply: Any) -> str:
    """A sentence on something else that ends in the answer."""
    return f"{fill('A {adjective} {noun} can {verb}', call.index)}, and so it comes to {reply['answer']}."


def solution(call: Call) -> Reply:
    return {"reasoning": SEEDS[call.index].reasoning, "answer": SEEDS[call.index].answer}


PLANT = Plant(
    inputs=[{"problem": seed.problem, "answer": seed.answer} for seed in SEEDS],
    options={"draws": 1},
    good={"solve": solution},
    faults={
        "wrong answer": spoilt(answer=lambda call, reply: f"{reply['answer']}0"),
        "another problem's answer": spoilt(answer=lambda call, reply: SEEDS[call.index - 1].answer),
        "answer that is no number": spoilt(answer=lambda call, reply: "It depends on the day."),
        "right answer by a wrong step": spoilt(reasoning=false_result),
        "refusal": spoilt(reasoning=lambda call, reply: "I'm sorry, but I can't help with that."),
        "template marks": spoilt(reasoning=lambda call, reply: f"{reply['reasoning']}<|im_end|>"),
        "steps go round in circles": spoilt(reasoning=lambda call, reply: f"{reply['reasoning']} " * 3),
        "no steps": spoilt(reasoning=lambda call, reply: ""),
        "another problem's steps": spoilt(reasoning=lambda call, reply: SEEDS[call.index - 1].reasoning),
        "steps left out": spoilt("judge", reasoning=without_steps),
    },
)
