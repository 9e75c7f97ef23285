"""Compares labelled steps with people's answers by word F1, which needs no judge."""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy
from pydantic import BaseModel

from metrics.calibration.intervals import Interval, share_interval
from optimize.comparison import Gain, gain
from programs.core.background import together
from programs.core.program import Program
from programs.core.row import Candidate
from programs.core.text import f1


class Agreement(BaseModel):
    """The word F1 of a step's outputs with people's on n seeds, in [0, 1].

    `f1` is by program; `gains` are the paired differences to the first program.
    """

    step: str
    n: int
    f1: dict[str, Interval]
    gains: dict[str, Gain]


def agreement(step: str, groups: Sequence[str], f1s: Mapping[str, Sequence[float]]) -> Agreement:
    """Sum up word F1s by program, each in the order of `groups`: the group of each seed."""
    first, *rest = f1s
    return Agreement(
        step=step,
        n=len(groups),
        f1={name: share_interval(values, groups) for name, values in f1s.items()},
        gains={name: gain([b - a for a, b in zip(f1s[first], f1s[name], strict=True)], groups) for name in rest},
    )


async def word_f1(program: Program, name: str, examples: Sequence[dspy.Example]) -> list[float]:
    """The word F1 of a step's reply to each example with the label, in [0, 1]; 0 where the reply is unreadable."""
    decides = list(program.step(name).signature.output_fields)[-1]

    async def score(example: Any) -> float:
        reply = await program.ask(Candidate(), name, **example.inputs())
        return f1(str(reply[decides]), example[decides]) if reply else 0.0

    return await together(map(score, examples))
