"""Finds documents by name, as seeds, verdicts and people give it: the path, or an end of the path that is unique."""

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from programs.core.row import Source, digest
from seedbed.errors import UserError

LONGEST = 200  # characters of a group's name


def group_name(text: str) -> str:
    """The name of the group of a row: its text, or the beginning of a longer text with a digest of all of it."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}... {digest(text)}"


class Names:
    """Finds the group (a document, a family of copies, or the group of a row) of a name.

    Args:
        sources: all that a split divides. copies: name of a document that has copies -> name of its group.
    """

    def __init__(self, sources: Sequence[Source], copies: Mapping[str, str]) -> None:
        self._sources, self._copies = sources, copies
        self._ends = dict[str, set[str]]()

    @functools.cached_property
    def groups(self) -> frozenset[str]:
        """The full names of all groups."""
        return frozenset(source.group for source in self._sources)

    def look_up(self, names: Iterable[str]) -> None:
        """Find the documents whose paths end in these names, in one pass over all documents."""
        ends = {_composed(name) for name in names if name} - self._ends.keys()
        self._ends |= {end: set() for end in ends}
        for source in self._sources if ends else ():
            parts = _composed(_path(source)).split("/")
            for end in ends.intersection("/".join(parts[i:]) for i in range(len(parts))):
                self._ends[end].add(source.group)

    def full(self, name: str) -> str:
        """The group of the only document whose path ends in this looked-up name; else the group of just this name."""
        groups = self._ends.get(_composed(name), ())
        if len(groups) == 1:
            return next(iter(groups))
        name = self._copies.get(name, name)
        return name if name in self.groups else group_name(name)

    def check(self, names: Iterable[str], file: str) -> None:
        """Raises UserError if documents of several groups end in one of these looked-up names of `file`."""
        if ambiguous := sorted(name for name in names if len(self._ends.get(_composed(name), ())) > 1):
            raise UserError(
                f"{file}: source {ambiguous[0]!r} is the end of several documents' paths.",
                hint="Write as much of the path as tells them apart.",
            )


def _path(source: Source) -> str:
    """The path by whose end the group of a source may be named; empty if its group is no document."""
    (span, *_) = source.origin.get("spans") or [source.origin]
    document = str(span.get("document", ""))
    return document if "row" not in source.origin or source.group == document else ""


def _composed(name: str) -> str:
    """The form in which names are compared, for some systems write ü in file names as u and a mark."""
    return unicodedata.normalize("NFC", name)
