"""A section of the report, and all of them in their order."""

import dataclasses
from collections.abc import Callable, Sequence

from optimize.artefact import Manifest
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.figures.along import along
from seedbed.reports.html.figures.cost import cost
from seedbed.reports.html.figures.coverage import coverage
from seedbed.reports.html.figures.funnel import funnel
from seedbed.reports.html.figures.gain import gain
from seedbed.reports.html.figures.scores import scores
from seedbed.reports.html.figures.search import search
from seedbed.reports.html.figures.shape import shape
from seedbed.reports.html.figures.trust import trust
from seedbed.reports.html.figures.vector_map import vector_map
from seedbed.reports.html.prompt_diff import PromptDiff, prompt_diffs
from seedbed.reports.html.provenance import commands, compile_tables, run_tables
from seedbed.reports.html.row_cards import RowCard, row_cards
from seedbed.reports.html.run_folder import MadeWith, RunFolder


@dataclasses.dataclass(frozen=True)
class Section:
    """A question and what answers it. `figures`: by the teacher that each is about, empty if there is one."""

    name: str
    title: str
    question: str
    figures: Sequence[tuple[str, Figure]] = ()
    rows: Sequence[RowCard] = ()
    prompts: Sequence[PromptDiff] = ()
    tables: Sequence[Table] = ()
    commands: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.figures or self.rows or self.prompts or self.tables)


@dataclasses.dataclass(frozen=True)
class Content:
    """What may stand in a report: texts of rows and prompts, and the map, which takes the longest."""

    texts: bool = True
    map: bool = True


def run_sections(folder: RunFolder, content: Content) -> list[Section]:
    """The sections of a run's report that have something to show."""
    made_with, report = folder.made_with, folder.report
    sections = [
        Section("funnel", "Where candidates are lost", "Where do candidates die?", _one(funnel(folder))),
        Section("along", "Along the run", "Is it drying up?", _one(along(folder))),
        Section("scores", "Scores", "Is the threshold sane?", _one(scores(folder))),
        *_compile_sections(made_with),
        Section("coverage", "Coverage", "What of my documents is in it?", _one(coverage(folder))),
        Section(
            "map",
            "Map",
            "What is odd, or missing?",
            _one(vector_map(folder, texts=content.texts) if content.map else None),
        ),
        Section("cost", "Cost", "What is a row made of?", _one(cost(folder))),
        Section("shape", "Shape", "How long and how varied are the rows?", _one(shape(folder))),
        Section("rows", "Rows", "What do they look like?", rows=row_cards(folder) if content.texts else ()),
        _prompts(made_with, report.get("options", {})) if content.texts else Section("prompts", "", ""),
    ]
    if report:
        tables, again = run_tables(report), commands(report, folder.path.resolve().name)
        sections.append(Section("provenance", "Provenance", "Can I make it again?", tables=tables, commands=again))
    return [section for section in sections if not section.is_empty]


def compile_sections(made: MadeWith, manifest: Manifest, content: Content) -> list[Section]:
    """The sections of a compile's report."""
    sections = [
        *_compile_sections([made]),
        *([_prompts([made], manifest.options)] if content.texts else []),
        Section("provenance", "Provenance", "Can I make it again?", tables=compile_tables(manifest)),
    ]
    return [section for section in sections if not section.is_empty]


def _compile_sections(made_with: Sequence[MadeWith]) -> list[Section]:
    def of_manifest(figure: Callable[[Manifest], Figure | None]) -> list[tuple[str, Figure]]:
        return _each(made_with, lambda made: figure(made.manifest) if made.manifest else None)

    return [
        Section("trust", "Trust", "Does the metric know what people think?", _each(made_with[:1], trust)),
        Section("gain", "Before and after", "Did compiling help, and where?", of_manifest(gain)),
        Section("search", "The search", "What was tried?", of_manifest(search)),
    ]


def _prompts(made_with: Sequence[MadeWith], options: dict[str, object]) -> Section:
    diffs = [diff for made in made_with for diff in prompt_diffs(made, options)]
    return Section("prompts", "Prompts", "What did compiling change? Underlined words were added.", prompts=diffs)


def _one(figure: Figure | None) -> list[tuple[str, Figure]]:
    return [("", figure)] if figure else []


def _each(made_with: Sequence[MadeWith], figure_of: Callable[[MadeWith], Figure | None]) -> list[tuple[str, Figure]]:
    drawn = [(made.teacher if len(made_with) > 1 else "", figure_of(made)) for made in made_with]
    return [(teacher, figure) for teacher, figure in drawn if figure]
