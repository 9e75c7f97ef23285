"""Scoring steps and programs: what every comparison while compiling and evaluating rests on."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dspy

from metrics.metric import Metric, Worth
from programs.candidate import Candidate, Drop, Source
from programs.program import Program

Heard = Callable[[], None]
Scoped = Callable[[str], AbstractContextManager[Any]]
"""Opens the context in which the calls of one candidate are made, given its id; yields what it spent."""


NOTHING = Drop(step="program", reason="nothing written", detail="the program gave no candidate")


def silent() -> None:
    """The progress listener that does nothing."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """One candidate with its worth; `spent` is what the scope of its calls counted."""

    source: Source
    candidate: Candidate
    worth: Worth
    spent: Any = None

    @property
    def accepted(self) -> bool:
        return self.worth.drop is None


async def score_step(
    program: Program, name: str, examples: Sequence[dspy.Example], metric: Metric, heard: Heard = silent
) -> list[float]:
    """The worth of a step's reply to each example, in [0, 1]: against the label where the recipe has it so."""

    async def one(example: dspy.Example) -> float:
        score = await score_example(program, name, example, metric)
        heard()
        return score

    return list(await asyncio.gather(*map(one, examples)))


async def score_example(program: Program, name: str, example: dspy.Example, metric: Metric) -> float:
    """One example of `score_step`."""
    inputs = dict(example.inputs())
    outputs = await program.ask(Candidate(), name, **inputs)
    return 0.0 if outputs is None else await worth_of_reply(program, name, example, outputs, metric)


async def worth_of_reply(
    program: Program, name: str, example: dspy.Example, outputs: dict[str, Any], metric: Metric
) -> float:
    """The mean worth of the candidates that one readable reply stands for; 0 for none."""
    decides = list(program.step(name).signature.output_fields)[-1]
    label = str(example[decides]) if name in metric.recipe.labelled else None
    inputs = dict(example.inputs())
    candidates, given = program.read(name, inputs, outputs), list(map(str, inputs.values()))
    worths = [(await metric.worth(candidate, label=label, given=given)).score for candidate in candidates]
    return sum(worths) / len(worths) if worths else 0.0


async def score_source(program: Program, source: Source, metric: Metric) -> list[Scored]:
    """What one source gives, through the full gate; the metric's veto looks on before more is paid.

    A source from which nothing came counts as one candidate of worth 0.
    """
    again = getattr(program, "answer_again", None)
    with dspy.context(veto=metric.veto):
        candidates = (await program.acall(**source.inputs)).candidates or [Candidate(dropped=NOTHING)]
        return [Scored(source, candidate, await metric.judged(candidate, again)) for candidate in candidates]


async def score_program(
    program: Program, sources: Sequence[Source], metric: Metric, scope: Scoped, heard: Heard = silent
) -> list[Scored]:
    """Run the program on each source and score every candidate as a run would, the full gate and all."""

    async def one(source: Source) -> list[Scored]:
        with scope(source.id) as spent:
            scored = await score_source(program, source, metric)
        heard()
        return [dataclasses.replace(row, spent=spent) for row in scored]

    return [scored for batch in await asyncio.gather(*map(one, sources)) for scored in batch]
