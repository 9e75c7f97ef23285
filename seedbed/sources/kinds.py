"""The kinds of sources that recipes read: the reader of each, and the words for it."""

from collections.abc import Callable
from typing import NamedTuple

from programs.core.recipe import Reads
from seedbed.sources.labels import read_labels
from seedbed.sources.lists import read_lists
from seedbed.sources.passages import read_passages
from seedbed.sources.rows import read_rows
from seedbed.sources.source_set import Request, SourceSet
from seedbed.sources.windows import read_windows


class Kind(NamedTuple):
    """A kind of sources.

    Attributes:
        words: what they are, for people. key: the key of seedbed.yaml that names them; empty if none does.
        units: what one source is, in the plural. groups: what a split does not divide, in the plural.
        read: reads them. divided: whether a split divides them. It does not if every row may use all of them.
    """

    words: str
    key: str
    units: str
    groups: str
    read: Callable[[Request], SourceSet]
    divided: bool = True

    @property
    def hint(self) -> str:
        """What to do where there is no source."""
        return f"Name {self.words} under {self.key}." if self.key else "Check the options of the recipe."

    @property
    def more(self) -> str:
        """What to add so that something can be held out."""
        return "seeds" if self.groups == "seeds" else f"{self.groups} without seeds"


def _read_nothing(request: Request) -> SourceSet:
    """No sources: the recipe starts from its seeds, or from nothing."""
    return SourceSet()


KINDS: dict[Reads, Kind] = {
    "passages": Kind("passages of documents", "sources.documents", "passages", "documents", read_passages),
    "windows": Kind("windows of documents", "sources.documents", "windows", "documents", read_windows),
    "rows": Kind("rows of a table or run", "sources.rows", "rows", "rows", read_rows),
    "labels": Kind("labels", "sources.labels", "labels", "seeds", read_labels, divided=False),
    "lists": Kind("lists of words", "", "lists", "seeds", read_lists, divided=False),
    "seeds": Kind("seeds", "seeds", "seeds", "seeds", _read_nothing),
    "nothing": Kind("nothing", "", "sources", "seeds", _read_nothing),
}
