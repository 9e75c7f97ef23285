"""The task pool of Self-Instruct (Wang et al. 2022, section 2.2): what prompts show, and what it lets in."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from programs.core.candidate import Drop, Source, digest
from programs.core.text import words

SHOWN = 8  # instructions a prompt shows,
MACHINE = 2  # of them machine-made, once there are any
ALIKE = 0.7  # ROUGE-L from which two instructions are one
BLOCK = 1000  # instructions compared in one call
UNKNOWN = "\0"  # the symbol of every word that no instruction holds


def numbered(instructions: Sequence[str]) -> str:
    """Instructions as a prompt shows them: a numbered list, each on one line and without a colon at its end."""
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
        self._heard, self._all, self._latest = set[str](), Alike(), ""
        for one in self._human:
            self._all.add(one.instruction)

    def take(self, position: int) -> Source | None:
        """Eight instructions in random order: up to two machine-made ones, the others human."""
        if not self._human:
            return None
        chance = random.Random(f"{self._seed}|{position}")
        made = chance.sample(self._machine, min(MACHINE, len(self._machine)))
        human = chance.sample(self._human, min(SHOWN - len(made), len(self._human)))
        shown = made + [one.instruction for one in human]
        chance.shuffle(shown)
        return Source(
            id=digest("pool", position, *shown),
            group=f"pool-{position}",
            inputs={"tasks": numbered(shown)},
            origin={"machine": len(made)},
            shown=[one.id for one in human],
        )

    def admit(self, candidate: Any) -> Drop | None:
        """Only an instruction unlike all in the pool, by ROUGE-L below 0.7, joins it."""
        instruction = candidate.instruction
        if instruction == self._latest:
            return None  # a second instance of the instruction just let in
        if found := self._all.first(instruction):
            known, alike = found
            return Drop(step="pool", reason="like the pool", detail=f"ROUGE-L {alike:.2f} with {known!r}")
        self._latest = instruction
        self._all.add(instruction)
        return None

    def hear(self, candidate: Any) -> None:
        if candidate.instruction not in self._heard:
            self._heard.add(candidate.instruction)
            self._machine.append(candidate.instruction)


class Alike:
    """Texts, of which the first like another one is found: as `rouge_l` would, but a thousand texts in a call.

    Each text is kept as a string of symbols, one a word; a word that none of them holds is the symbol of none.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._spelt: list[str] = []
        self._symbols: dict[str, str] = {}

    def add(self, text: str) -> None:
        """One more text."""
        symbols = self._symbols
        self._spelt.append("".join(symbols.setdefault(word, chr(0x10000 + len(symbols))) for word in words(text)))
        self._texts.append(text)

    def first(self, text: str) -> tuple[str, float] | None:
        """The first text whose ROUGE-L with this one is `ALIKE` or more, and how much it is; None where there is none.

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
                score_cutoff=ALIKE,
                dtype=np.float64,
            )[0]
            if (alike := scores >= ALIKE).any():
                place = int(alike.argmax())
                return self._texts[start + place], float(scores[place])
        return None
