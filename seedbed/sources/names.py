"""Finds documents by name, as seeds, verdicts and people give it: the path, or an end of the path that is unique."""

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from programs.core.row import Source
from seedbed.errors import UserError


class Names:
    """Finds the group (a document, or a family of copies) of a name.

    Args:
        sources: the passages of all documents. copies: name of a document that has copies -> name of its group.
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
            parts = _composed(source.origin["document"]).split("/")
            for end in ends.intersection("/".join(parts[i:]) for i in range(len(parts))):
                self._ends[end].add(source.group)

    def full(self, name: str) -> str:
        """The group of the only document whose path ends in this looked-up name; else the group of just this name."""
        groups = self._ends.get(_composed(name), ())
        return next(iter(groups)) if len(groups) == 1 else self._copies.get(name, name)

    def check(self, names: Iterable[str], file: str) -> None:
        """Raises UserError if documents of several groups end in one of these looked-up names of `file`."""
        if ambiguous := sorted(name for name in names if len(self._ends.get(_composed(name), ())) > 1):
            raise UserError(
                f"{file}: source {ambiguous[0]!r} is the end of several documents' paths.",
                hint="Write as much of the path as tells them apart.",
            )


def _composed(name: str) -> str:
    """The form in which names are compared, for some systems write ü in file names as u and a mark."""
    return unicodedata.normalize("NFC", name)
