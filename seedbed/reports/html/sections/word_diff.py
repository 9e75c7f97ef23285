"""What changed between two texts: by lines, and by words within lines that are much alike."""

import dataclasses
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Literal

ALIKE = 0.5  # the ratio of equal words from which two passages are shown word by word, and not one after the other
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclasses.dataclass(frozen=True)
class Change:
    """A piece of text that both have (`same`), or only the first (`deleted`), or only the second (`inserted`)."""

    kind: Literal["same", "deleted", "inserted"]
    text: str


def word_diff(before: str, after: str) -> list[Change]:
    """The pieces that lead from `before` to `after`; those that are not inserted make `before`, those that are not
    deleted make `after`."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return [*_joined(_changes(*lines, within=True))]


def _changes(before: Sequence[str], after: Sequence[str], *, within: bool) -> Iterator[Change]:
    """Of two sequences of lines or words. `within`: look into lines that were replaced."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for action, start, stop, other_start, other_stop in matcher.get_opcodes():
        old, new = before[start:stop], after[other_start:other_stop]
        if action == "equal":
            yield Change("same", "".join(old))
        elif within and old and new and _alike(words := (_words(old), _words(new))):
            yield from _changes(*words, within=False)
        else:
            yield Change("deleted", "".join(old))
            yield Change("inserted", "".join(new))


def _words(lines: Sequence[str]) -> list[str]:
    return _WORD.findall("".join(lines))


def _alike(words: tuple[list[str], list[str]]) -> bool:
    matcher = difflib.SequenceMatcher(None, *words, autojunk=False)
    return matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _joined(changes: Iterator[Change]) -> Iterator[Change]:
    """The changes without empty ones, neighbours of one kind in one."""
    last: Change | None = None
    for change in changes:
        if last and last.kind == change.kind:
            last = Change(last.kind, last.text + change.text)
        elif change.text:
            if last:
                yield last
            last = change
    if last:
        yield last
