"""Simple words by a hash, for texts that differ from each other."""

import functools

from support.paths import DATA

from programs.core.row import digest

UNWANTED = frozenset({"draw", "map", "picture", "music"})  # words of tasks that a text model cannot do


@functools.cache
def words(kind: str) -> list[str]:
    """The shipped words of a class: verb, noun or adjective."""
    lines = (DATA / "lists/words.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return [word for of_kind, word in pairs if of_kind == kind and word not in UNWANTED]


def fill(template: str, *key: object) -> str:
    """The template with a word for each {verb}, {noun}, {noun2}, {adjective}: the same words for the same key."""
    names = ("verb", "noun", "noun2", "adjective", "adjective2")
    return template.format(**{name: _word(name.rstrip("2"), name, *key) for name in names})


def _word(kind: str, *key: object) -> str:
    return words(kind)[int(digest(*key), 16) % len(words(kind))]
