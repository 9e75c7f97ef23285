"""Reads what a config names: seeds, verdicts, and the sources of its recipe."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from metrics.calibration.verdicts import LabelledCase, Preference, verdict_line
from metrics.checks.manner import Manner
from programs.core.options import Options
from programs.core.recipe import Recipe, recipes
from programs.core.row import Source
from seedbed.config.load import Config, describe, unknown
from seedbed.errors import UserError
from seedbed.sources.kinds import KINDS, Kind
from seedbed.sources.lines import labelled_files, labelled_lines
from seedbed.sources.remarks import Remarks
from seedbed.sources.source_set import Request, SourceSet

Labelled = TypeVar("Labelled", bound=BaseModel)
FEWEST_SEEDS = 4


class Inputs:
    """The recipe, options, seeds, verdicts and sources that a config names. What is in files is read once, when it is
    first needed. Of many sources, memory holds only their places on disk.

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
        self.options = _checked_options(self.recipe, config.options)
        _check_columns(self.recipe, self.options)

    @functools.cached_property
    def seeds(self) -> list[Any]:
        """The labelled seeds, of the recipe's seed type."""
        seeds = self._lines("seeds", self.config.seeds, self.recipe.seed.model_validate_json)
        if len(seeds) < FEWEST_SEEDS:
            raise UserError(
                f"{', '.join(self.config.seeds)} holds {len(seeds)} seeds; compiling needs at least {FEWEST_SEEDS}.",
                hint="Label a few more: seedbed label DIR turns a run's rows into labels.",
            )
        return seeds

    @functools.cached_property
    def verdicts(self) -> list[LabelledCase | Preference]:
        """People's verdicts on rows; empty if the config names no file."""
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

    @property
    def kind(self) -> Kind:
        """The kind of sources that the recipe reads."""
        return KINDS[self.recipe.reads]

    @functools.cached_property
    def source_set(self) -> SourceSet:
        """The sources, and what was skipped and noted. Raises UserError if they cannot be read."""
        if not self.options.needs_sources:
            return SourceSet()
        lists = {name: getattr(self.options, name) for name in self.recipe.lists}
        return self.kind.read(Request(self.recipe, self.config, self.base, lambda: self.seeds, lists))

    @property
    def sources(self) -> Sequence[Source]:
        """All sources; empty if the recipe starts from its seeds or from nothing, or if documents are invented."""
        return self.source_set.sources

    @property
    def copies(self) -> Mapping[str, str]:
        """Document -> the group of its copies, which a split keeps together; only documents that have copies."""
        return self.source_set.copies

    def said_of_sources(self) -> list[str]:
        """How documents are cut, what gave no source and why, and files that were not in UTF-8: a line for each."""
        files = [f"note {line}" for line in self.notes.lines()] if self.seeds or self.verdicts else []
        cut = self.said_of_passages()
        return [*files, *([cut] if cut else []), *self.source_set.lines()]

    def said_of_passages(self) -> str:
        """How many sources there are of documents, how these were cut, and what set that: a key of the config or a
        model; empty where no documents are read."""
        if not self.source_set.documents:
            return ""
        form, sources, teacher = self.config.passages, self.config.sources, self.config.models[self.config.teacher]
        by = f"set by {teacher.model}" if teacher.passages else "the default"
        by = by if sources.chunk_tokens is None else "set by sources.chunk_tokens"
        by += "" if sources.headings is None else ", and sources.headings"
        headings = "with" if form.headings else "without"
        cut = f"passages of at most {form.tokens} tokens, {headings} headings ({by})"
        units = "" if self.kind.units == "passages" else f"{self.kind.units} of "
        return f"{len(self.sources):,} {units}{cut}"

    @property
    def seed_files(self) -> list[Path]:
        """The files of the seeds."""
        return labelled_files(self.base, self.config.seeds)

    def _lines(self, key: str, names: Sequence[str], parse: Callable[[bytes], Labelled]) -> list[Labelled]:
        """The lines of all files. Raises UserError if two files hold one id."""
        missing, home = f"Put the file there, or mend {key}: in seedbed.yaml.", dict[str, Path]()
        lines = list[Labelled]()
        for path in labelled_files(self.base, names):
            say = functools.partial(self.notes.add, path.name)
            for line in labelled_lines(path, parse, missing=missing, say=say):
                id = getattr(line, "id", "")
                if id and home.setdefault(id, path) != path:
                    names_of_both = f"{home[id].name} and {path.name}"
                    raise UserError(f"{key}: {names_of_both} have the same id {id!r}.", hint="Change one of them.")
                lines.append(line)
        return lines


def _check_columns(recipe: Recipe, options: Options) -> None:
    """Raise UserError, before anything is paid, if the rows of a recipe cannot be stored."""
    from seedbed.storage.row_schema import row_schema

    try:
        row_schema(recipe.program(options).row)
    except TypeError as error:
        raise UserError(
            f"recipe: the rows of {recipe.name} cannot be stored: {error}.",
            hint="Change this field of its rows: docs/writing-a-recipe.md says what a field may be.",
        ) from error


def _checked_options(recipe: Recipe, values: Mapping[str, Any]) -> Options:
    """The options of a recipe, its defaults for those that are not among `values`. Raises UserError naming every bad
    one."""
    try:
        return recipe.options.model_validate(values)
    except ValidationError as error:
        raise UserError(
            "; ".join(describe(error, recipe.options, "options")) + ".",
            hint=f"seedbed recipes {recipe.name} lists its options.",
        ) from error
