"""Rounds of evolution (WizardLM, Xu et al. 2023, section 3): every prompt of a pool is evolved once a round."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import Field

from programs.core.feed import FeedInput
from programs.core.options import Options
from programs.core.row import Drop, Source, digest


class RoundOptions(Options):
    """The options of every recipe that evolves prompts in rounds."""

    rounds: int = Field(4, ge=1)
    """How often every prompt is evolved (M in section 4.2)."""

    @property
    def weights(self) -> dict[str, float]:
        """The operators that may evolve a prompt, and how often each is chosen."""
        raise NotImplementedError


class Member(NamedTuple):
    """A prompt of the pool: its text, the id of its row, its round, and the prompts that it was evolved from."""

    prompt: str
    row: str = ""
    round: int = 0
    ancestors: tuple[str, ...] = ()


class Rounds:
    """The prompts of the sources in a shuffled order, once in each round, each with an operator.

    The pool of a round is that of the round before, where each prompt whose evolution was accepted gives its place to
    the new one; the others are evolved again. Its options are `RoundOptions`.
    """

    def __init__(self, feed_input: FeedInput) -> None:
        self._sources, self._options, self._seed = feed_input.sources, feed_input.options, feed_input.seed
        self._order = list(range(len(self._sources)))
        random.Random(self._seed).shuffle(self._order)
        self._members, self._passed_on = dict[int, Member](), 0  # by place in the order

    def needs(self, position: int) -> int:
        """All positions of the rounds before this one."""
        return position - position % len(self._order) if self._order else 0

    def source_at(self, position: int) -> Source | None:
        if not self._order or position >= self._options.rounds * len(self._order):
            return None
        turn, place = divmod(position, len(self._order))
        source = self._sources[self._order[place]]
        member = self._member(place)
        operator = self._operator(position, member.prompt)
        return source.model_copy(
            update={
                "id": digest("evolve", position, source.id, member.prompt, operator),
                "inputs": {
                    "prompt": member.prompt,
                    "operator": operator,
                    "round": turn + 1,
                    "ancestors": [*member.ancestors],
                },
                "origin": source.origin | ({"parents": [member.row]} if member.row else {}),
                "draw": turn - member.round,  # a prompt that failed before is sampled
            }
        )

    def accepts(self, source: Source, row: Any) -> Drop | None:
        return None

    def committed(self, source: Source, rows: Sequence[Any], rejected: Sequence[Any]) -> None:
        """Put an accepted prompt in the place of its parent."""
        turn, place = divmod(self._passed_on, len(self._order))
        self._passed_on += 1
        if rows:
            parent = self._member(place)
            ancestors = (*parent.ancestors, parent.prompt)
            self._members[place] = Member(rows[0].prompt, rows[0].row_id, turn + 1, ancestors)

    def _member(self, place: int) -> Member:
        """The prompt of the pool at a place in the order; of a source if it was not evolved yet."""
        return self._members.get(place) or Member(self._sources[self._order[place]].inputs["prompt"])

    def _operator(self, position: int, prompt: str) -> str:
        """An operator by a hash of the position and the prompt."""
        weights = self._options.weights
        return random.Random(f"{self._seed}|{position}|{prompt}").choices([*weights], [*weights.values()])[0]
