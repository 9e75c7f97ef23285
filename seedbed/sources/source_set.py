"""What a reader of sources gets and what it gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from programs.core.recipe import Recipe
from programs.core.row import Source
from seedbed.config.load import Config
from seedbed.sources.remarks import Remarks


@dataclass(frozen=True)
class Request:
    """What a reader reads for.

    Attributes:
        base: the folder from which paths start. seeds: reads the seeds, for recipes whose seeds may be the rows.
        lists: the path of each list of the recipe, by its name.
    """

    recipe: Recipe
    config: Config
    base: Path
    seeds: Callable[[], Sequence[Any]]
    lists: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceSet:
    """The sources of a project, kept on disk where there may be many.

    Attributes:
        skipped: what gave no source, with the reason. notes: on how the rest was read. documents: their number.
        copies: document -> the group of its copies, which a split keeps together; only documents that have copies.
    """

    sources: Sequence[Source] = ()
    skipped: Remarks = field(default_factory=Remarks)
    notes: Remarks = field(default_factory=Remarks)
    documents: int = 0
    copies: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What was skipped and the notes, as lines for people."""
        return [*(f"skipped {line}" for line in self.skipped.lines()), *(f"note {line}" for line in self.notes.lines())]
