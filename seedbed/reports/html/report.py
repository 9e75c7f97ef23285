"""The report of a run or of a compile: its sections in order, and the page that is written."""

import dataclasses
import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from programs.core.whole import write_whole
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.reports.html.figure import Figure
from seedbed.reports.html.figures.along import along
from seedbed.reports.html.figures.before_after import before_after
from seedbed.reports.html.figures.best_so_far import best_so_far
from seedbed.reports.html.figures.cost import cost
from seedbed.reports.html.figures.coverage import coverage
from seedbed.reports.html.figures.funnel import funnel
from seedbed.reports.html.figures.parts import parts
from seedbed.reports.html.figures.people import people
from seedbed.reports.html.figures.questions import questions
from seedbed.reports.html.figures.reliability import reliability
from seedbed.reports.html.figures.scores import scores
from seedbed.reports.html.figures.search import search
from seedbed.reports.html.figures.shape import shape
from seedbed.reports.html.figures.text_map import text_map
from seedbed.reports.html.figures.trust import trust
from seedbed.reports.html.figures.what_if import what_if
from seedbed.reports.html.run_folder import MadeWith, RunFolder
from seedbed.reports.html.section import Report, Section, charts
from seedbed.reports.html.sections.head import compile_head, run_head
from seedbed.reports.html.sections.prompts import prompts_section, run_seeds
from seedbed.reports.html.sections.provenance import compile_provenance, run_provenance
from seedbed.reports.html.sections.rows import rows_section
from seedbed.runs.record.provenance import shown_seeds
from seedbed.runs.rows import PAIRS
from seedbed.storage.run_reader import shards_of

PAGE = "report.html"  # in a run's folder
EXTRA = ("altair", "vl_convert")


def run_report(folder: Path, *, rows: bool = True, map: bool = True) -> Report:
    """The report of the run in a folder, finished or not. `rows`: whether it holds texts of rows, prompts and
    documents. `map`: whether it holds the map, which takes seconds.

    Raises UserError if the folder holds no run, or without the extra `report`.
    """
    _check_extra()
    run, name = RunFolder(folder), folder.resolve().name
    if not (run.report or shards_of(folder, "rows") or shards_of(folder, "rejected") or run.journal.is_file()):
        raise UserError(f"{folder} holds no run.", hint="seedbed run --out DIR makes one.")
    sections = [
        charts("Funnel", "Where do candidates die?", funnel(run)),
        charts("Along the run", "Is it drying up?", along(run)),
        charts("Scores", "Is the threshold sane?", scores(run), parts(run), what_if(run)),
        *_compiling(run.made_with),
        charts("Coverage", "What of the sources is in it?", coverage(run)),
        charts("Map", "What is odd, and what is missing?", text_map(run, texts=rows)) if map else None,
        charts("Cost", "What is a row made of?", cost(run)),
        charts("Shape", "How long are the rows, and of what kinds?", shape(run), questions(run)),
        rows_section(run, name) if rows else None,
        _run_prompts(run, rows=rows),
        charts("People", "Who looked, and what did they say?", people(run)),
        run_provenance(run, name) if run.report else None,
    ]
    head = run_head(run)
    kicker = " · ".join(filter(None, ("Report of a run", run.report.get("recipe"))))
    return Report(kicker, name, head, _present(sections))


def compile_report(project: Project, *, rows: bool = True) -> Report:
    """The report of the project's compile. `rows`: whether it holds the texts of prompts.

    Raises UserError if nothing was compiled for the project's recipe and teacher, or without the extra `report`.
    """
    _check_extra()
    path = project.compiled_path()
    made = MadeWith(path)
    if not (manifest := made.manifest):
        raise UserError(
            f"There is no compiled program at {path}.", hint="seedbed compile makes one; or name the folder of a run."
        )
    labelled = [*project.inputs.seeds, *project.inputs.verdicts]
    seeds = functools.partial(shown_seeds, labelled=labelled)
    sections = [
        *_compiling([made]),
        prompts_section([made], manifest.recipe, manifest.options, seeds, texts=rows),
        compile_provenance(manifest),
    ]
    title = f"{manifest.recipe} for {manifest.teacher}"
    return Report("Report of a compile", title, compile_head(made, manifest), _present(sections))


def write_page(report: Report, path: Path) -> None:
    """Write the page, whole or not at all. The same report gives the same bytes. Raises UserError if it cannot be
    written."""
    from seedbed.reports.html.page import page_of

    page = page_of(report)
    try:
        write_whole(path, lambda aside: aside.write_text(page, encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.", hint="Name another file with --out.") from error


def compile_page(project: Project) -> Path:
    """Where the report of a compile is written."""
    return project.compiled_path().with_suffix(".report.html")


def _check_extra() -> None:
    """Raises UserError if a package that draws is not installed."""
    if missing := [package for package in EXTRA if not importlib.util.find_spec(package)]:
        raise UserError(
            f"A report needs {', '.join(missing)}.", hint='pip install "seedbed[report]" brings what it needs.'
        )


def _compiling(programs: Sequence[MadeWith]) -> list[Section | None]:
    """The sections on the metric, which is the first program's, and on each compile."""
    compiles = {made.compiled_for: made for made in programs}.values()  # teachers of a cascade may run one program
    compared = [_named(made, before_after(made), programs) for made in compiles]
    searched = [_named(made, figure, programs) for made in compiles for figure in (search(made), best_so_far(made))]
    return [
        charts("Trust", "Does the metric know what people think?", *(_trust(programs[0]) if programs else ())),
        charts("Before and after", "Did compiling help, and where?", *compared),
        charts("Search", "What was tried?", *searched),
    ]


def _trust(made: MadeWith) -> tuple[Figure | None, ...]:
    return reliability(made), trust(made)


def _named(made: MadeWith, figure: Figure | None, programs: Sequence[MadeWith]) -> Figure | None:
    """The figure, which says whose it is in a cascade, and where another teacher runs the program."""
    if figure is None or (len(programs) == 1 and made.compiled_for == made.teacher):
        return figure
    return dataclasses.replace(figure, caption=f"{made.compiled_for}: {figure.caption}")


def _run_prompts(run: RunFolder, *, rows: bool) -> Section | None:
    recipe = run.report.get("recipe")
    if recipe is None or recipe == PAIRS:
        return None
    return prompts_section(run.made_with, recipe, run.report["options"], run_seeds(run), texts=rows)


def _present(sections: Sequence[Section | None]) -> list[Section]:
    return [section for section in sections if section]
