"""The task pool of Self-Instruct (Wang et al. 2022, section 2.2): the tasks in prompts, and the filter for new ones."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from programs.core.feed import FeedInput
from programs.core.options import Options
from programs.core.row import Drop, Source, digest
from programs.core.text import words

SAME = 0.7  # ROUGE-L from which two instructions count as the same
BLOCK = 1000  # instructions compared in one call
UNKNOWN = "\0"  # the symbol for every word that is in no instruction


class PoolOptions(Options):
    """The options of every recipe whose sources are drawn from a pool of tasks."""

    shown: int = Field(8, ge=1)
    """The instructions in a prompt (section 2.2)."""
    machine: int = Field(2, ge=0)
    """How many of these are machine-made, as soon as there are any (section 2.2)."""
    lag: int = Field(64, ge=1)
    """Positions after which an accepted row is in the pool; also how far ahead of the pool work may run (ours)."""


def numbered(instructions: Sequence[str]) -> str:
    """Instructions in the form of prompts: a numbered list, each on one line and without a colon at its end."""
    lines = (" ".join(instruction.split()).rstrip(":") for instruction in instructions)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


class Pool:
    """The human seeds and every machine-made instruction accepted so far; a feed that never runs dry.

    The seeds of its input are the human instructions; its options are `PoolOptions`.
    """

    def __init__(self, feed_input: FeedInput) -> None:
        self._seed, self._options = feed_input.seed, feed_input.options
        self._human = list(feed_input.seeds)
        self._machine: list[str] = []
        self._accepted, self._all, self._latest = set[str](), Alike(), ("", "")
        for human in self._human:
            self._all.add(human.instruction)

    def needs(self, position: int) -> int:
        """All positions up to the lag before this one."""
        return max(0, position - self._options.lag + 1)

    def source_at(self, position: int) -> Source | None:
        """Eight instructions in random order: up to two are machine-made, the others human."""
        if not self._human:
            return None
        rng = random.Random(f"{self._seed}|{position}")
        machine = rng.sample(self._machine, min(self._options.machine, self._options.shown, len(self._machine)))
        human = rng.sample(self._human, min(self._options.shown - len(machine), len(self._human)))
        shown = machine + [task.instruction for task in human]
        rng.shuffle(shown)
        return Source(
            id=digest("pool", position, *shown),
            group=f"pool-{position}",
            inputs={"tasks": numbered(shown)},
            origin={"machine": len(machine)},
            shown=[task.id for task in human],
        )

    def accepts(self, source: Source, row: Any) -> Drop | None:
        """Only an instruction with a ROUGE-L below 0.7 with each one in the pool."""
        instruction = row.instruction
        if (source.id, instruction) == self._latest:
            return None  # a second instance of the instruction just admitted
        if match := self._all.first(instruction):
            text, similarity = match
            return Drop(step="pool", reason="like the pool", detail=f"ROUGE-L {similarity:.2f} with {text!r}")
        self._latest = source.id, instruction
        self._all.add(instruction)
        return None

    def committed(self, source: Source, rows: Sequence[Any], rejected: Sequence[Any]) -> None:
        """Add the accepted instructions to the pool, each once."""
        for row in rows:
            if row.instruction not in self._accepted:
                self._accepted.add(row.instruction)
                self._machine.append(row.instruction)


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
