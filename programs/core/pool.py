"""The task pool of Self-Instruct (Wang et al. 2022, section 2.2): the tasks in prompts, and the filter for new ones."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from programs.core.row import Drop, Source, digest
from programs.core.text import words

SHOWN = 8  # instructions in a prompt,
MACHINE = 2  # of these, the machine-made ones, once there are any
SAME = 0.7  # ROUGE-L from which two instructions count as the same
BLOCK = 1000  # instructions compared in one call
UNKNOWN = "\0"  # the symbol for every word that is in no instruction


def numbered(instructions: Sequence[str]) -> str:
    """Instructions in the form of prompts: a numbered list, each on one line and without a colon at its end."""
    lines = (" ".join(instruction.split()).rstrip(":") for instruction in instructions)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


class Pool:
    """The human seeds and every machine-made instruction accepted so far; a feed that never runs dry.

    Args:
        sources: unused. seeds: the human instructions. seed: of the draws.
    """

    listens = True

    def __init__(self, sources: Sequence[Source], seeds: Sequence[Any], *, seed: int, **_: Any) -> None:
        self._seed = seed
        self._human = list(seeds)
        self._machine: list[str] = []
        self._accepted, self._all, self._latest = set[str](), Alike(), ""
        for human in self._human:
            self._all.add(human.instruction)

    def take(self, position: int) -> Source | None:
        """Eight instructions in random order: up to two are machine-made, the others human."""
        if not self._human:
            return None
        rng = random.Random(f"{self._seed}|{position}")
        machine = rng.sample(self._machine, min(MACHINE, len(self._machine)))
        human = rng.sample(self._human, min(SHOWN - len(machine), len(self._human)))
        shown = machine + [task.instruction for task in human]
        rng.shuffle(shown)
        return Source(
            id=digest("pool", position, *shown),
            group=f"pool-{position}",
            inputs={"tasks": numbered(shown)},
            origin={"machine": len(machine)},
            shown=[task.id for task in human],
        )

    def admit(self, candidate: Any) -> Drop | None:
        """Admit only an instruction with a ROUGE-L below 0.7 with each one in the pool."""
        instruction = candidate.instruction
        if instruction == self._latest:
            return None  # a second instance of the instruction just admitted
        if match := self._all.first(instruction):
            text, similarity = match
            return Drop(step="pool", reason="like the pool", detail=f"ROUGE-L {similarity:.2f} with {text!r}")
        self._latest = instruction
        self._all.add(instruction)
        return None

    def hear(self, candidate: Any) -> None:
        if candidate.instruction not in self._accepted:
            self._accepted.add(candidate.instruction)
            self._machine.append(candidate.instruction)


class Alike:
    """Texts, with a search for the first similar one: the same as `rouge_l`, but a thousand texts per call.

    Each text is stored as a string of symbols, one per word; UNKNOWN stands for words that none of them has.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._spelt: list[str] = []
        self._symbols: dict[str, str] = {}

    def add(self, text: str) -> None:
        """Add a text."""
        symbols = self._symbols
        self._spelt.append("".join(symbols.setdefault(word, chr(0x10000 + len(symbols))) for word in words(text)))
        self._texts.append(text)

    def first(self, text: str) -> tuple[str, float] | None:
        """The first text with a ROUGE-L of at least `SAME` to this one, and that ROUGE-L; None if there is none.

        Twice the LCS over both lengths is exactly the Indel similarity.
        """
        spelt = "".join(self._symbols.get(word, UNKNOWN) for word in words(text))
        if not spelt:
            return None
        for start in range(0, len(self._spelt), BLOCK):
            scores = cdist(
                [spelt],
                self._spelt[start : start + BLOCK],
                scorer=Indel.normalized_similarity,
                score_cutoff=SAME,
                dtype=np.float64,
            )[0]
            if (alike := scores >= SAME).any():
                place = int(alike.argmax())
                return self._texts[start + place], float(scores[place])
        return None
