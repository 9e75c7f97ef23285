"""Compares labelled steps with people's labels, which needs no judge."""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy
from pydantic import BaseModel

from metrics.calibration.intervals import Interval, share_interval
from metrics.compare import ON_TEXTS, compare
from optimize.comparison import Gain, gain
from programs.core.background import together
from programs.core.embedding import Embed
from programs.core.program import Program
from programs.core.row import Candidate
from programs.core.text import f1

WORD_F1 = "word F1"


class Agreement(BaseModel):
    """The agreement of a step's outputs with people's labels on n seeds, in [0, 1].

    `comparator` names the measure: word F1 for texts, which needs no embedder, else the recipe's comparator.
    `scores` is by program; `gains` are the paired differences to the first program.
    """

    step: str
    comparator: str = WORD_F1
    n: int
    scores: dict[str, Interval]
    gains: dict[str, Gain]


def agreement(step: str, comparator: str, groups: Sequence[str], scores: Mapping[str, Sequence[float]]) -> Agreement:
    """Sum up the agreement by program, each in the order of `groups`: the group of each seed."""
    first, *rest = scores
    return Agreement(
        step=step,
        comparator=measure(comparator),
        n=len(groups),
        scores={name: share_interval(values, groups) for name, values in scores.items()},
        gains={name: gain([b - a for a, b in zip(scores[first], scores[name], strict=True)], groups) for name in rest},
    )


async def agreement_by_step(
    programs: Mapping[str, Program],
    labelled: Mapping[str, str],
    examples: Mapping[str, Sequence[Any]],
    embed: Embed,
) -> list[Agreement]:
    """The agreement of programs, by name, on each labelled step that has examples. `labelled`: step -> comparator."""
    by_step = list[Agreement]()
    for step, comparator in sorted(labelled.items()):
        if on_step := examples.get(step):
            scores = {name: await agreements(of, step, comparator, on_step, embed) for name, of in programs.items()}
            by_step.append(agreement(step, comparator, [example.group for example in on_step], scores))
    return by_step


def measure(comparator: str) -> str:
    """The measure of agreement for a step with this comparator."""
    return WORD_F1 if comparator in ON_TEXTS else comparator


async def agreements(
    program: Program, name: str, comparator: str, examples: Sequence[dspy.Example], embed: Embed
) -> list[float]:
    """The agreement of a step's reply to each example with the label, in [0, 1]; 0 where the reply is unreadable."""
    *_, (decides, field) = program.step(name).signature.output_fields.items()

    async def score(example: Any) -> float:
        reply = await program.ask(Candidate(), name, **example.inputs())
        if not reply:
            return 0.0
        if comparator in ON_TEXTS:
            return f1(str(reply[decides]), str(example[decides]))
        return await compare(comparator, reply[decides], example[decides], embed=embed, annotation=field.annotation)

    return await together(map(score, examples))
