"""The task pool of Self-Instruct (Wang et al. 2022, section 2.2): what prompts show, and what it lets in."""

import random
from collections.abc import Sequence
from typing import Any

from programs.candidate import Drop, Source, digest
from programs.text import rouge_l

SHOWN = 8  # instructions a prompt shows,
MACHINE = 2  # of them machine-made, once there are any
ALIKE = 0.7  # ROUGE-L from which two instructions are one


def numbered(instructions: Sequence[str]) -> str:
    """Instructions as a prompt shows them: a numbered list, each on one line and without a colon at its end."""
    lines = (" ".join(instruction.split()).rstrip(":") for instruction in instructions)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


class Pool:
    """The human seeds and every machine-made instruction accepted so far; a feed that never runs dry.

    Args:
        sources: unused. seeds: the human instructions. seed: of the draws.
    """

    def __init__(self, sources: Sequence[Source], seeds: Sequence[Any], *, seed: int, **_: Any) -> None:
        self._seed = seed
        self._human: list[str] = [one.instruction for one in seeds]
        self._machine: list[str] = []
        self._all, self._latest = list(self._human), ""

    def take(self, position: int) -> Source | None:
        """Eight instructions in random order: up to two machine-made ones, the others human."""
        if not self._human:
            return None
        chance = random.Random(f"{self._seed}|{position}")
        made = chance.sample(self._machine, min(MACHINE, len(self._machine)))
        shown = made + chance.sample(self._human, min(SHOWN - len(made), len(self._human)))
        chance.shuffle(shown)
        return Source(
            id=digest("pool", position, *shown),
            group=f"pool-{position}",
            inputs={"tasks": numbered(shown)},
            origin={"machine": len(made)},
        )

    def admit(self, candidate: Any) -> Drop | None:
        """Only an instruction unlike all in the pool, by ROUGE-L below 0.7, joins it."""
        instruction = candidate.instruction
        if instruction == self._latest:
            return None  # a second instance of the instruction just let in
        for known in self._all:
            if (alike := rouge_l(instruction, known)) >= ALIKE:
                return Drop(step="pool", reason="like the pool", detail=f"ROUGE-L {alike:.2f} with {known!r}")
        self._latest = instruction
        self._all.append(instruction)
        return None

    def hear(self, candidate: Any) -> None:
        if candidate.instruction not in self._machine:
            self._machine.append(candidate.instruction)
