"""Reads what a config names: seeds, verdicts, documents and their passages."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from metrics.calibration.verdicts import LabelledCase, Preference, verdict_line
from metrics.checks.manner import Manner
from programs.core.recipe import Recipe, recipes
from programs.core.row import Source
from seedbed.config.load import Config, unknown
from seedbed.errors import NoPassage, UserError
from seedbed.sources.copies import copies as find_copies
from seedbed.sources.documents import Reading, read_documents
from seedbed.sources.lines import labelled_lines
from seedbed.sources.passages import passages
from seedbed.sources.remarks import Remarks
from seedbed.storage.disk_list import DiskList

Labelled = TypeVar("Labelled", bound=BaseModel)
FEWEST_SEEDS = 4


class Inputs:
    """The recipe, seeds, verdicts and documents that a config names. Each is read once, when it is first needed. For
    documents and passages, memory holds only their places on disk.

    Args:
        config: the checked config. base: the folder its paths start from.
    """

    def __init__(self, config: Config, base: Path) -> None:
        if config.recipe not in recipes():
            raise UserError(
                f"recipe: {unknown('recipe', config.recipe, list(recipes()))}",
                hint="seedbed recipes lists them.",
            )
        self.config, self.base, self.notes = config, base, Remarks()
        self.recipe: Recipe = recipes()[config.recipe]
        _check_columns(self.recipe)

    @functools.cached_property
    def seeds(self) -> list[Any]:
        """The labelled seeds, of the recipe's seed type."""
        seeds = self._lines("seeds", self.config.seeds, self.recipe.seed.model_validate_json)
        if len(seeds) < FEWEST_SEEDS:
            raise UserError(
                f"{self.config.seeds} holds {len(seeds)} seeds; compiling needs at least {FEWEST_SEEDS}.",
                hint="Label a few more: seedbed label DIR turns a run's rows into labels.",
            )
        return seeds

    @functools.cached_property
    def verdicts(self) -> list[LabelledCase | Preference]:
        """People's verdicts on rows; empty if the config names no file."""
        if self.config.verdicts is None:
            return []
        return self._lines("verdicts", self.config.verdicts, verdict_line)

    @functools.cached_property
    def manner(self) -> Manner:
        """How the seeds are written; rows must be written in the same way."""
        language = self.config.language
        return Manner.of(
            [seed.shown for seed in self.seeds],
            [seed.row.response for seed in self.seeds if seed.row and not seed.row.refuses],
            english=None if language is None else language == "english",
        )

    @functools.cached_property
    def reading(self) -> Reading:
        """The documents that could be read, and the reasons why others could not."""
        sources, cache = self.config.sources, self.base / ".seedbed" / "texts.sqlite"
        if sources.documents is None:
            return Reading(documents=[])
        return read_documents(sources.documents, self.base, text=sources.text, split=sources.split, cache=cache)

    @functools.cached_property
    def sources(self) -> Sequence[Source]:
        """One source for each passage; empty if the recipe starts from its seeds, or if documents are invented."""
        if self.recipe.takes != "documents" or self.config.sources.invent:
            return []
        if self.config.sources.documents is None:
            raise UserError(
                f"{self.recipe.name} starts from documents, but sources.documents names none.",
                hint="Name a folder under sources: documents:, or set sources: {invent: true}.",
            )
        if not self._passages:
            reasons = self.reading.skipped.lines()[:5]
            raise NoPassage(f"No passage could be made of the sources: {'; '.join(reasons)}.")
        return self._passages

    @functools.cached_property
    def _passages(self) -> Sequence[Source]:
        """The documents cut into passages, once; those that are too short are counted among what was skipped."""
        skipped = self.reading.skipped
        return DiskList(passages(self.reading.documents, self.copies, self.config.sources, skipped))

    def said_of_sources(self) -> list[str]:
        """Parts of documents that gave no passage and why, and files that were not in UTF-8: a line for each."""
        files = [f"note {line}" for line in self.notes.lines()] if self.seeds or self.verdicts else []
        return files + self.reading.lines() if self.sources else files

    @functools.cached_property
    def copies(self) -> dict[str, str]:
        """Document -> the group of its copies, which a split keeps together; only documents that have copies."""
        return find_copies(self.reading.documents)

    def _lines(self, key: str, name: str, parse: Callable[[bytes], Labelled]) -> list[Labelled]:
        missing = f"Put the file there, or mend {key}: in seedbed.yaml."
        return labelled_lines(self.base / name, parse, missing=missing, say=functools.partial(self.notes.add, name))


def _check_columns(recipe: Recipe) -> None:
    """Raise UserError, before anything is paid, if the rows of a recipe cannot be stored."""
    from seedbed.storage.row_schema import row_schema

    try:
        row_schema(recipe.program.row)
    except TypeError as error:
        raise UserError(
            f"recipe: the rows of {recipe.name} cannot be stored: {error}.",
            hint="Change this field of its rows: docs/writing-a-recipe.md says what a field may be.",
        ) from error
