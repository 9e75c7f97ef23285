"""What seeds, verdicts and people call a document: its path, or as much of the path's end as tells it from others."""

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from programs.core.candidate import Source
from seedbed.errors import UserError


class Names:
    """The groups (documents, or families of copies) that names stand for.

    Args:
        sources: the passages of all documents. copies: by the name of a document that has copies, that of its group.
    """

    def __init__(self, sources: Sequence[Source], copies: Mapping[str, str]) -> None:
        self._sources, self._copies = sources, copies
        self._ends = dict[str, set[str]]()

    @functools.cached_property
    def groups(self) -> frozenset[str]:
        """All groups that documents are of, by their full names."""
        return frozenset(source.group for source in self._sources)

    def look_up(self, names: Iterable[str]) -> None:
        """Find the documents that end in these names, in one pass over all of them."""
        wanted = {_composed(name) for name in names if name} - self._ends.keys()
        self._ends |= {name: set() for name in wanted}
        for source in self._sources if wanted else ():
            parts = _composed(source.origin["document"]).split("/")
            for end in wanted.intersection("/".join(parts[i:]) for i in range(len(parts))):
                self._ends[end].add(source.group)

    def full(self, name: str) -> str:
        """The group of the one document whose path ends in a name that was looked up, else that of just this name."""
        groups = self._ends.get(_composed(name), ())
        return next(iter(groups)) if len(groups) == 1 else self._copies.get(name, name)

    def check(self, names: Iterable[str], file: str) -> None:
        """Raises UserError for a name, that was looked up for this file, if documents of several groups end in it."""
        if ambiguous := sorted(name for name in names if len(self._ends.get(_composed(name), ())) > 1):
            raise UserError(
                f"{file}: source {ambiguous[0]!r} is the end of several documents' paths.",
                hint="Write as much of the path as tells them apart.",
            )


def _composed(name: str) -> str:
    """A name in the form it is compared by: some systems write ü in file names as u and a mark."""
    return unicodedata.normalize("NFC", name)
