"""A project: the opened folder of a seedbed.yaml. Every command starts with it."""

import functools
import itertools
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from metrics.calibration.verdicts import LabelledCase, Line, Preference
from metrics.metric import Bars
from optimize.splits import deal, fold_groups
from programs.core.embedding import Embed
from programs.core.feed import Feed, FeedInput, first_sources
from programs.core.program import Program
from programs.core.row import Source, digest
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.project.cases import cases_of, labelled
from seedbed.project.inputs import Inputs
from seedbed.project.sides import Sides, read_sides, sides_of, write_sides
from seedbed.sources.names import Names
from seedbed.sources.passages import evenly
from seedbed.terminal import Say, silent

Labelled = TypeVar("Labelled", bound=BaseModel)
Case = TypeVar("Case", bound=Line)
FEW_SEEDS, FOLDS = 20, 3  # with fewer seeds none is held out; the procedure is measured by this many folds


class Project:
    """The inputs of a config, with their split: which groups are held out, and which may appear in prompts.

    Args:
        config: the checked config. base: the folder its paths start from. inputs: what was read for another config of
        the same data; None reads it anew.
    """

    def __init__(self, config: Config, base: Path, inputs: Inputs | None = None) -> None:
        self.config, self.base, self.inputs = config, base, inputs or Inputs(config, base)
        self.recipe, self.options = self.inputs.recipe, self.inputs.options

    def with_config(self, config: Config) -> "Project":
        """The project of a config that differs in models, roles or limits alone: documents, seeds and verdicts are read
        once for both, and both have the passages that suit this project's teacher."""
        return Project(config, self.base, self.inputs)

    def swapped(self, teacher: str) -> "Project":
        """The same project with another teacher, an alias. Raises UserError if there is none of that name."""
        return self.with_config(self.config.swap(teacher))

    @property
    def compiling(self) -> "Project":
        """The same project with the teacher that programs are compiled for: the one of `run.program`, or its own."""
        return self.with_config(self.config.swap(self.config.run.program))

    @property
    def journal(self) -> Path:
        """The journal of this project's commands. Each run has its own journal in its folder."""
        return self.base / ".seedbed" / "journal.sqlite"

    @property
    def cases(self) -> list[LabelledCase | Preference]:
        """The cases to fit the metric to: the verdicts, and rows made by rules if there are too few."""
        good = [*filter(None, map(labelled, self.training_seeds))]
        return cases_of(self.inputs.verdicts, good, self.grouped, english=self.inputs.manner.english)

    @functools.cached_property
    def held_out(self) -> frozenset[str]:
        """Groups that no prompt contains: `compile.held_out` of all groups, at most a third of those with seeds.

        A group is a document, a row or a label; without such sources, the groups are those of the seeds. A recorded
        split for the same `compile.held_out` and folds does not change, and groups added since then are assigned.
        With folds, all groups with seeds are open.
        """
        seeded, bare = self._groups
        share, folds = self._terms
        sides = self._recorded_sides.groups(self.inputs.copies) if self._recorded_sides else {}
        return deal(
            seeded, bare, share, folds=folds, kept=sides, apart=self.recipe.reads == "rows" and not self._shared
        )

    def keep_sides(self, say: Say = silent) -> None:
        """Write the split to disk before any label is in a prompt or any row has a side, so that documents added later
        cannot change it. `say` receives the groups that were held out and are open now."""
        sides = sides_of(set().union(*self._groups), self.held_out, self.inputs.copies, *self._terms)
        if self._recorded_sides and (newly_open := sorted(set(sides.open).intersection(self._recorded_sides.held_out))):
            say(f"open now, and held out before (a seed is on it, or a copy is open): {', '.join(newly_open)}")
        write_sides(self.base, self.recipe.name, sides)

    def said_of_seeds(self) -> list[str]:
        """A note if most seeds are on other documents or labels than the sources: then a compile helps little. Not for
        rows, which a seed need not be one of."""
        groups = self.inputs.kind.groups
        if self.recipe.reads == "rows" or not self._divided:
            return []
        foreign = [seed for seed in self.inputs.seeds if self.group(seed) not in self._names.groups]
        if 2 * len(foreign) <= len(self.inputs.seeds):
            return []
        return [
            f"{len(foreign)} of the {len(self.inputs.seeds)} seeds are of other {groups} than the sources: "
            "a model may write about those instead; write some seeds on your sources"
        ]

    def way_back(self, command: str) -> str:
        """The hint for a held-out document with a label that was shown. `command`: the one that showed it."""
        if any(record.terms != self._terms for record in self._records):
            return f"{command.capitalize()} again, or set compile.held_out and compile.folds as they were then."
        groups = self.inputs.kind.groups.capitalize()
        change = f"{groups} were added or removed, and compiled/split.json is not the one of that time"
        return f"{change}: put it back, or {command} again."

    @property
    def _recorded_sides(self) -> Sides | None:
        """The recorded sides for these settings."""
        return next((record for record in self._records if record.terms == self._terms), None)

    @property
    def _terms(self) -> tuple[float, bool]:
        return self.config.compile.held_out, bool(self.folds)

    @property
    def _records(self) -> list[Sides]:
        return read_sides(self.base, self.recipe.name)

    @functools.cached_property
    def folds(self) -> int:
        """The number of folds of the seeds for measuring the procedure; 0 if seeds are held out instead.

        It is `compile.folds`. If that is not set, it is as in the recorded split for this share; else 3 with fewer than
        20 seeds, too few to hold any out, if there are documents without seeds to compare programs on.
        """
        folds, seeded = self.config.compile.folds, len(self._seeded)
        if folds is None:
            few = len(self.inputs.seeds) < FEW_SEEDS and bool(self.recipe.labelled) and len(self._groups[1]) > 1
            recorded = (record.folds for record in self._records if record.share == self.config.compile.held_out)
            folds = FOLDS if next(recorded, few) else 0
        return min(folds, seeded) if seeded > 1 else 0

    def seed_folds(self) -> list[tuple[list[Any], list[Any]]]:
        """For each fold, the seeds to compile on and those left out; groups are not split. Empty without folds."""
        return [
            (
                [seed for seed in self.inputs.seeds if self.group(seed) not in fold],
                [seed for seed in self.inputs.seeds if self.group(seed) in fold],
            )
            for fold in map(frozenset, fold_groups(map(self.group, self.inputs.seeds), self.folds))
        ]

    @property
    def _groups(self) -> tuple[set[str], set[str]]:
        """Groups with seeds, and groups of sources without seeds."""
        return self._seeded, set(self._names.groups - self._seeded)

    @property
    def _shared(self) -> bool:
        """Whether a seed is of the group of a source."""
        return not self._seeded.isdisjoint(self._names.groups)

    @functools.cached_property
    def _seeded(self) -> set[str]:
        return {self.group(seed) for seed in self.inputs.seeds}

    def group(self, seed: Any) -> str:
        """The group of a seed: its document, which it may name by only the end of the path."""
        return self._full(seed.group)

    def examples(self, seeds: Sequence[Any]) -> dict[str, list[Any]]:
        """The recipe's examples for each step. The group of an example is the full name of its document."""
        labels = [self.inputs.sources] if self.recipe.reads == "labels" else []
        examples = self.recipe.examples(seeds, self.options, *labels)
        for example in itertools.chain(*examples.values()):
            example.group = self.group(example)
        return examples

    def grouped(self, cases: Sequence[Case]) -> list[Case]:
        """These cases with the full names of their groups: all names and copies of a document are one group."""
        self._names.look_up(case.group for case in cases)
        return [case.model_copy(update={"group": self._names.full(case.group)}) for case in cases]

    @property
    def _divided(self) -> Sequence[Source]:
        """The sources that the split divides."""
        return self.inputs.sources if self.inputs.kind.divided else []

    @functools.cached_property
    def _names(self) -> Names:
        return Names(self._divided, self.inputs.copies)

    def _full(self, group: str) -> str:
        """The full name of the group of a seed, a verdict or a source."""
        return self._labelled.full(group)

    @functools.cached_property
    def _labelled(self) -> Names:
        """The names, after those of seeds and verdicts were looked up. Raises UserError if a seed's name fits several
        documents."""
        seeds = {seed.group for seed in self.inputs.seeds}
        self._names.look_up(seeds | {case.group for case in self.inputs.verdicts})
        self._names.check(seeds, ", ".join(self.config.seeds))
        return self._names

    @functools.cached_property
    def divides(self) -> bool:
        """Whether a group is left for training besides the held-out ones: a single document cannot be split."""
        return not self._divided or bool(self._names.groups - self.held_out)

    def is_held_out(self, group: str) -> bool:
        """Whether rows of a group go to the validation split. A group of no source and no seed (an invented document's,
        a pool's) has the side that follows from its name."""
        full = self._full(group)
        if full in self._names.groups or full in self._seeded:
            return full in self.held_out
        return int(digest(group), 16) % 10 == 0

    def validates(self, group: str) -> bool:
        """Whether rows of a group go to the validation split of a dataset."""
        return self.divides and self.is_held_out(group)

    def held_of(self, groups: Iterable[str]) -> list[str]:
        """The held-out ones of these groups."""
        groups = list(groups)
        self._names.look_up(groups)
        return sorted(group for group in groups if self._full(group) in self.held_out)

    @property
    def open_groups(self) -> list[str]:
        """Groups (documents) with a label that may appear in a prompt, a judge's prompt included."""
        seeded = {self.group(seed) for seed in self.training_seeds}
        judged = {case.group for case in self.inputs.verdicts if self.is_open(case.group)}
        return sorted(seeded | set(map(self._full, judged)))

    def is_open(self, group: str) -> bool:
        """Whether a verdict's row may be shown to a judge: its document is known and not held out."""
        full = self._full(group)
        return (full in self._seeded or full in self._names.groups) and full not in self.held_out

    @property
    def training_seeds(self) -> list[Any]:
        """The seeds that may appear in a compiled prompt."""
        return [seed for seed in self.inputs.seeds if self.group(seed) not in self.held_out]

    @property
    def test_seeds(self) -> list[Any]:
        """The seeds that never do. If seeds are the sources, such as LAB's leaves, a run's inputs show them, and its
        rows name them."""
        return [seed for seed in self.inputs.seeds if self.group(seed) in self.held_out]

    @property
    def source_seeds(self) -> list[Any]:
        """The seeds that the inputs of a run may show: all if seeds are the sources, else the training seeds."""
        return self.inputs.seeds if self.recipe.reads == "seeds" else self.training_seeds

    @property
    def bars(self) -> Bars:
        """The gates of the config in the metric's form."""
        gates = self.config.gates
        return Bars(
            threshold=gates.threshold,
            relevance=gates.relevance,
            support=gates.support,
            round_trip=gates.round_trip,
        )

    def program(self) -> Program:
        """A new program of the recipe with the options of the config, not compiled."""
        return self.recipe.program(self.options)

    def feed(self, seeds: Sequence[Any] | None = None, embed: Embed | None = None) -> Feed:
        """A new feed of the recipe over these seeds; by default over those of a run."""
        return self._feed_of(self.inputs.sources, self.source_seeds if seeds is None else seeds, embed)

    def _feed_of(self, sources: Sequence[Source], seeds: Sequence[Any], embed: Embed | None = None) -> Feed:
        try:
            return self.recipe.feed(FeedInput(sources, seeds, self.options, self.config.run.random_seed, embed))
        except ValueError as error:  # an option that does not fit the sources
            raise UserError(
                f"options: {error}.", hint=f"seedbed recipes {self.recipe.name} lists the options."
            ) from error

    def test_sources(self, excluded: Collection[str] = ()) -> list[Source]:
        """The sources to compare programs on, `compile.compare` in all: what the recipe's feed makes of sources of
        held-out groups, as evenly as possible, or of held-out seeds. `excluded` are groups to leave out."""
        n, seeds = self.config.compile.compare, [seed for seed in self.test_seeds if self.group(seed) not in excluded]
        if not self._divided:
            return first_sources(self._feed_of(self.inputs.sources, seeds), n)
        sources = evenly(self.inputs.sources, self.held_out - set(excluded), n)
        return first_sources(self._feed_of(sources, seeds), len(sources))

    def compiled_path(self) -> Path:
        """The path of the compiled program of this recipe and teacher."""
        return self.base / "compiled" / self.recipe.name / f"{self.config.teacher}.json"
