"""A recipe: a named program with its seeds, its feed and its judges. Every file of a family's folder defines one."""

import copy
import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import dspy
from pydantic import BaseModel, ConfigDict, Field

import programs
from programs.core.checks import FREE, Rule
from programs.core.options import Options
from programs.core.program import Program
from programs.core.row import Candidate

if TYPE_CHECKING:
    from programs.core.feed import Feed, FeedInput  # which imports this module

SHARED = ("programs.core", "programs.formats", "programs.judges")  # folders without recipes

Reads = Literal["passages", "windows", "rows", "labels", "lists", "seeds", "nothing"]
"""What the sources of a recipe are; `seedbed.sources.kinds.KINDS` holds the reader of each."""


class Seed(BaseModel):
    """An example labelled by a person: one line of a seeds file.

    Its class names that of the rows whose fields it has, and its field with the group: `class DialogueSeed(Seed,
    row=Dialogue, group="source")`. Where a row has other fields than a seed, `row` says how one becomes the other.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    _row_class: ClassVar[type[Candidate] | None] = None
    _group_field: ClassVar[str] = "id"
    id: str = Field(min_length=1)

    def __init_subclass__(cls, *, row: type[Candidate] | None = None, group: str = "") -> None:
        super().__init_subclass__()
        cls._row_class, cls._group_field = row or cls._row_class, group or cls._group_field

    @property
    def group(self) -> str:
        """The unit that a split does not divide."""
        return str(getattr(self, self._group_field))

    @property
    def row(self) -> Any:
        """The good row that this seed stands for; None if it stands for none, such as an example of a bad one."""
        if row := self._row_class and self._row_class():
            row.take(copy.deepcopy(dict(self)))
        return row

    def example(self, *inputs: str, **outputs: Any) -> dspy.Example:
        """An example to compile a step on: its inputs, by their names in the row, and its right outputs."""
        row = self.row if inputs else None
        values = {name: getattr(row, name) for name in inputs}
        return dspy.Example(**values, **outputs, group=self.group).with_inputs(*inputs)

    @property
    def shown(self) -> str:
        """The text that no row may repeat; empty if there is none."""
        return row.novelty_key if (row := self.row) else ""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The parts of a recipe.

    Attributes:
        paper: the source of the method. gives: a few words for people on what a row is.
        reads: what its sources are. inputs, optional_inputs: of a recipe that reads rows, the inputs that a row must
        have, and those that it may have. lists: of a recipe that reads lists, its options with their paths.
        seed: the class of one line of its seeds file. program: the DSPy program. feed: returns its sources.
        examples: (seeds, options) -> the examples to compile each step on, by step name; a step left out is not
        compiled. Of a recipe that reads labels it takes the sources too, because seeds have no definitions.
        labelled: the steps whose label is the right output, each with its comparator (`metrics.compare`): the step's
        last output field is compared with the label's field of that name.
        judges: names in `programs.judges.judge.JUDGES`, and makers of the recipe's own. required: judges that must
        accept a row, whatever its score.
        checks: what a row must pass without a model, in this order (see `programs.core.checks`).
        round_trip: the step that is asked a second time for a finished row, in other words (`Program.again`); a row
        whose second answer differs is dropped. None: no step.
        reply_tokens: what its longest reply takes at most, which `seedbed init` writes as `max_tokens`.
    """

    name: str
    paper: str
    gives: str
    reads: Reads
    seed: type[Seed]
    program: type[Program]
    feed: "Callable[[FeedInput], Feed]"
    examples: Callable[..., dict[str, list[dspy.Example]]]
    labelled: Mapping[str, str] = dataclasses.field(default_factory=dict)
    judges: tuple[str | Callable[[], Any], ...] = ()
    required: frozenset[str] = frozenset()
    checks: tuple[str | Rule, ...] = FREE
    round_trip: str | None = None
    inputs: tuple[str, ...] = ()
    optional_inputs: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    reply_tokens: int = 96

    def __post_init__(self) -> None:
        if self.reads == "rows" and not self.inputs:
            raise ValueError(f"the recipe {self.name} reads rows, so it must name the inputs that it needs")

    @property
    def on_documents(self) -> bool:
        """Whether its rows rest on a document."""
        return self.program.row().document is not None

    @property
    def options(self) -> type[Options]:
        """The class of its options, which its program names with their defaults."""
        return type(self.program.options)

    @property
    def folder(self) -> Path:
        """The folder of its shipped seeds and verdicts below `data/`: family/recipe, like its file below
        `programs/`."""
        return Path(*self.program.__module__.split(".")[1:])


class Recipes(Mapping[str, Recipe]):
    """Every recipe by name, which is the name of its file in a family's folder. The file is imported when looked up."""

    def __init__(self) -> None:
        families = (f"programs.{family.name}" for family in pkgutil.iter_modules(programs.__path__) if family.ispkg)
        files = [(family, file.name) for family in families if family not in SHARED for file in _files(family)]
        self._modules = {name.replace("_", "-"): f"{family}.{name}" for family, name in files}

    def __getitem__(self, name: str) -> Recipe:
        recipe: Recipe = importlib.import_module(self._modules[name]).RECIPE
        return recipe

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._modules))

    def __len__(self) -> int:
        return len(self._modules)


@functools.cache
def recipes() -> Recipes:
    """Every recipe by name, from all folders of `programs/` except the shared ones."""
    return Recipes()


def _files(family: str) -> Iterator[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules(importlib.import_module(family).__path__)
