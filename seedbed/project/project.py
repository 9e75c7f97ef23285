"""A project: the folder of a seedbed.yaml, opened. What every command starts from."""

import functools
import itertools
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from metrics.calibration.verdicts import LabelledCase, Line, Preference
from metrics.metric import Bars
from optimize.splits import deal, fold_groups
from programs.core.candidate import Source, digest
from seedbed.project.cases import cases_of, labelled
from seedbed.project.inputs import Inputs
from seedbed.project.sides import Sides, read_sides, sides_of, write_sides
from seedbed.sources.names import Names
from seedbed.sources.passages import evenly
from seedbed.terminal import Say, silent

Labelled = TypeVar("Labelled", bound=BaseModel)
Case = TypeVar("Case", bound=Line)
FEWEST_SEEDS = 4
FEW_SEEDS, FOLDS = 20, 3  # below the first no seed is held out; the procedure is measured by so many folds instead


class Project(Inputs):
    """What a config names, with its split: who is held out, and what may stand in a prompt."""

    @property
    def journal(self) -> Path:
        """The calls of this project's commands, but for those of runs, which each folder of a run keeps."""
        return self.base / ".seedbed" / "journal.sqlite"

    @property
    def cases(self) -> list[LabelledCase | Preference]:
        """What the metric is fitted to: the verdicts, and rows made by rule where these are too few."""
        good = [*filter(None, map(labelled, self.training_seeds))]
        return cases_of(self.verdicts, good, self.grouped, english=self.manner.english)

    @functools.cached_property
    def held_out(self) -> frozenset[str]:
        """Groups that no prompt sees: `compile.held_out` of all documents, a third of them with seeds at most.

        Without documents, groups are those of the seeds. What was written down for the same `compile.held_out` and
        folds stays as it was, and documents that were added since are dealt in; with folds, seeds open theirs.
        """
        seeded, bare = self._groups
        share, folds = self._terms
        kept = self._dealt.groups(self._copies) if self._dealt else {}
        return deal(seeded, bare, share, folds=folds, kept=kept)

    def keep_sides(self, say: Say = silent) -> None:
        """Write the split down, before a label stands in a prompt or a row has its side: whoever is added later changes
        none. `say` is told who was held out and is open now."""
        now = sides_of(set().union(*self._groups), self.held_out, self._copies, *self._terms)
        if self._dealt and (opened := sorted(set(now.open).intersection(self._dealt.held_out))):
            say(f"open now, and held out before (a seed is on it, or a copy is open): {', '.join(opened)}")
        write_sides(self.base, self.recipe.name, now)

    def said_of_seeds(self) -> list[str]:
        """That most seeds are of other documents than the sources, where it is so: then a compile finds little."""
        if not self.sources:
            return []
        others = [seed for seed in self.seeds if self.group(seed) not in self._names.groups]
        if 2 * len(others) <= len(self.seeds):
            return []
        return [
            f"{len(others)} of the {len(self.seeds)} seeds are of other documents than the sources: "
            f"a model may ask about theirs; write some on documents of these"
        ]

    def way_back(self, again: str) -> str:
        """The hint where a document of which a label was shown is held out now. `again`: the command that showed it."""
        if any(dealt.terms != self._terms for dealt in self._deals):
            return f"{again.capitalize()} again, or set compile.held_out and compile.folds as they were then."
        return (
            f"Documents were added or removed, and compiled/split.json is not of then: put it back, or {again} again."
        )

    @property
    def _dealt(self) -> Sides | None:
        """The sides that were written down for these settings."""
        return next((dealt for dealt in self._deals if dealt.terms == self._terms), None)

    @property
    def _terms(self) -> tuple[float, bool]:
        return self.config.compile.held_out, bool(self.folds)

    @property
    def _deals(self) -> list[Sides]:
        return read_sides(self.base, self.recipe.name)

    @functools.cached_property
    def folds(self) -> int:
        """In how many folds of the seeds the procedure is measured; 0 where seeds are held out instead.

        `compile.folds`; left open, as the split for this share was first written down, else 3 with fewer than 20 seeds,
        which are too precious to hold any out, as long as documents without seeds are there to compare programs on.
        """
        asked, seeded = self.config.compile.folds, len(self._seeded)
        if asked is None:
            few = len(self.seeds) < FEW_SEEDS and bool(self.recipe.labelled) and len(self._groups[1]) > 1
            written = (dealt.folds for dealt in self._deals if dealt.share == self.config.compile.held_out)
            asked = FOLDS if next(written, few) else 0
        return min(asked, seeded) if seeded > 1 else 0

    def seed_folds(self) -> list[tuple[list[Any], list[Any]]]:
        """For each fold the seeds to compile on and those left out; groups stay whole. None without folds."""
        return [
            (
                [seed for seed in self.seeds if self.group(seed) not in fold],
                [seed for seed in self.seeds if self.group(seed) in fold],
            )
            for fold in map(frozenset, fold_groups(map(self.group, self.seeds), self.folds))
        ]

    @property
    def _groups(self) -> tuple[set[str], set[str]]:
        """Groups with seeds, and documents without."""
        return self._seeded, set(self._names.groups - self._seeded)

    @functools.cached_property
    def _seeded(self) -> set[str]:
        return {self.group(seed) for seed in self.seeds}

    def group(self, seed: Any) -> str:
        """What a seed is kept together with: its document, which it may name by the end of its path alone."""
        return self._full(seed.group)

    def examples(self, seeds: Sequence[Any]) -> dict[str, list[Any]]:
        """What each step is compiled or measured on, by the recipe; the group of each is that of its document, however
        its seed names it."""
        examples = self.recipe.examples(seeds)
        for example in itertools.chain(*examples.values()):
            example.group = self.group(example)
        return examples

    def grouped(self, cases: Sequence[Case]) -> list[Case]:
        """These verdicts by the full names of their groups: a document is one, by whichever of its names or copies."""
        self._names.look_up(case.group for case in cases)
        return [case.model_copy(update={"group": self._names.full(case.group)}) for case in cases]

    @functools.cached_property
    def _names(self) -> Names:
        return Names(self.sources, self._copies)

    def _full(self, group: str) -> str:
        """The full name of a group that a seed, a verdict or a source is of."""
        return self._labelled.full(group)

    @functools.cached_property
    def _labelled(self) -> Names:
        """The names, with those that seeds and verdicts give looked up. Raises UserError for a seed's that is of
        several documents."""
        seeds = {seed.group for seed in self.seeds}
        self._names.look_up(seeds | {case.group for case in self.verdicts})
        self._names.check(seeds, self.config.seeds)
        return self._names

    @functools.cached_property
    def divides(self) -> bool:
        """Whether a document is left to train on when those are held out that are: of a single one nothing can be."""
        return not self.sources or bool(self._names.groups - self.held_out)

    def is_held_out(self, group: str) -> bool:
        """Whether rows of a group go to the validation split. A group that has no documents to be held out with
        (an invented one, a pool's) falls on its side by its own name."""
        known = self.sources or self.recipe.takes == "leaves"
        return self._full(group) in self.held_out if known else int(digest(group), 16) % 10 == 0

    def held_of(self, groups: Iterable[str]) -> list[str]:
        """Those of these groups, of which a label stood in a prompt, that are held out."""
        groups = list(groups)
        self._names.look_up(groups)
        return sorted(group for group in groups if self._full(group) in self.held_out)

    @property
    def open_groups(self) -> list[str]:
        """Groups (documents) of which a label may stand in a prompt, a judge's included."""
        seeded = {self.group(seed) for seed in self.training_seeds}
        judged = {case.group for case in self.verdicts if self.is_open(case.group)}
        return sorted(seeded | set(map(self._full, judged)))

    def is_open(self, group: str) -> bool:
        """Whether a verdict's row may be shown to a judge: it is of a document that is known, and not held out."""
        full = self._full(group)
        return (full in self._seeded or full in self._names.groups) and not self.is_held_out(group)

    @property
    def training_seeds(self) -> list[Any]:
        """The seeds that may stand in a compiled prompt."""
        return [seed for seed in self.seeds if self.group(seed) not in self.held_out]

    @property
    def test_seeds(self) -> list[Any]:
        """The seeds that never do. Where seeds are the sources, as LAB's leaves are, what shows them is the inputs of a
        run, and its rows name them."""
        return [seed for seed in self.seeds if self.group(seed) in self.held_out]

    @property
    def source_seeds(self) -> list[Any]:
        """The seeds that the inputs of a run may show: all of them where seeds are the sources, the training seeds
        where documents are."""
        return self.training_seeds if self.recipe.takes == "documents" else self.seeds

    @property
    def bars(self) -> Bars:
        """The gates of the config, as the metric takes them."""
        gates = self.config.gates
        return Bars(
            threshold=gates.threshold,
            relevance=gates.relevance,
            support=gates.support,
            round_trip=gates.round_trip,
        )

    def feed(self, seeds: Sequence[Any] | None = None) -> Any:
        """A fresh feed of the recipe's kind over these seeds; by default over those a run starts from."""
        sources, run = self.config.sources, self.config.run
        seeds = self.source_seeds if seeds is None else seeds
        return self.recipe.feed(
            self.sources,
            seeds,
            seed=run.random_seed,
            draws=run.draws,
            unanswerable=sources.unanswerable,
            invent=sources.invent,
        )

    def test_sources(self, but_not: Collection[str] = ()) -> list[Source]:
        """What programs are compared on, `compile.compare` in all: passages of held-out documents, as evenly of each as
        there are, or sources made of held-out seeds. `but_not` are groups to leave out."""
        n = self.config.compile.compare
        if not self.sources:
            feed = self.feed([seed for seed in self.test_seeds if self.group(seed) not in but_not])
            return [source for position in range(n) if (source := feed.take(position))]
        return evenly(self.sources, self.held_out - set(but_not), n)

    def compiled_path(self) -> Path:
        """Where the compiled program of this recipe and teacher stands."""
        return self.base / "compiled" / self.recipe.name / f"{self.config.teacher}.json"
