"""The report of a run or of a compile: its sections in order, and the page that is written."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from programs.core.whole import write_whole
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.reports.html.figures.coverage import coverage
from seedbed.reports.html.figures.funnel import funnel
from seedbed.reports.html.figures.parts import parts
from seedbed.reports.html.figures.scores import scores
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
    if not (run.report or shards_of(folder, "rows") or shards_of(folder, "rejected") or _begun(folder)):
        raise UserError(f"{folder} holds no run.", hint="seedbed run --out DIR makes one.")
    sections = [
        charts("Funnel", "Where do candidates die?", funnel(run)),
        charts("Scores", "Is the threshold sane?", scores(run), parts(run), what_if(run)),
        charts("Coverage", "What of the sources is in it?", coverage(run)),
        rows_section(run, name) if rows else None,
        _run_prompts(run, rows=rows),
        run_provenance(run, name) if run.report else None,
    ]
    head = run_head(run)
    return Report("Report of a run", name, head, _present(sections))


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


def _begun(folder: Path) -> bool:
    return (folder / "journal.sqlite").is_file()


def _run_prompts(run: RunFolder, *, rows: bool) -> Section | None:
    recipe = run.report.get("recipe")
    if recipe is None or recipe == PAIRS:
        return None
    return prompts_section(run.made_with, recipe, run.report["options"], run_seeds(run), texts=rows)


def _present(sections: Sequence[Section | None]) -> list[Section]:
    return [section for section in sections if section]
