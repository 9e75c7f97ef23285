"""Passages of made-up words, each one different: what the benchmarks ask questions about. Needs Python alone."""

import itertools
import random
from collections.abc import Iterator

_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_WORDS = ["".join(pair) + ending for pair in itertools.product(_SYLLABLES, repeat=2) for ending in ("n", "rt")]
_SENTENCE = "The {} {} of {} has {} the {} {} in the {} for {}."


def passages(count: int, characters: int, seed: int = 0) -> Iterator[str]:
    """So many passages of at least that many characters, in sentences of 14 words. The same for the same arguments."""
    dice = random.Random(seed)
    for _ in range(count):
        text = ""
        while len(text) < characters:
            text += _SENTENCE.format(*dice.choices(_WORDS, k=8)) + " "
        yield text.rstrip()
