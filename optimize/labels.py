"""Labelled steps against people: word F1 with their answers, which needs no judge."""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy
from pydantic import BaseModel

from metrics.calibration.intervals import Interval, share_interval
from optimize.comparison import Gain, gain
from programs.core.candidate import Candidate
from programs.core.program import Program, together
from programs.core.text import f1


class Agreement(BaseModel):
    """A step's outputs against people's on n seeds: word F1, [0, 1].

    `f1` is by program; `gains` are paired differences to the first of them.
    """

    step: str
    n: int
    f1: dict[str, Interval]
    gains: dict[str, Gain]


def agreement(step: str, groups: Sequence[str], f1s: Mapping[str, Sequence[float]]) -> Agreement:
    """Sum up word F1s by program, each in the order of `groups`: what keeps seeds together, one a seed."""
    first, *others = f1s
    return Agreement(
        step=step,
        n=len(groups),
        f1={name: share_interval(values, groups) for name, values in f1s.items()},
        gains={name: gain([b - a for a, b in zip(f1s[first], f1s[name], strict=True)], groups) for name in others},
    )


async def word_f1(program: Program, name: str, examples: Sequence[dspy.Example]) -> list[float]:
    """The word F1 of a step's reply with each example's label, [0, 1]; 0 where the reply is unreadable."""
    decides = list(program.step(name).signature.output_fields)[-1]

    async def one(example: Any) -> float:
        reply = await program.ask(Candidate(), name, **example.inputs())
        return f1(str(reply[decides]), example[decides]) if reply else 0.0

    return await together(map(one, examples))
