"""`seedbed calibrate`: measures the metric and the judge against people's verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.shared.options import CONFIG, ConfigOption, JsonOption, SetOption, open_project, print_json, print_text
from seedbed.cli.shared.supply import YesOption, supply_entries

if TYPE_CHECKING:
    from seedbed.project.project import Project


def calibrate(
    verdicts: Annotated[Path, typer.Option(help="Labelled cases, one JSON object a line.", show_default=False)],
    judge: Annotated[
        str | None, typer.Option(help="The alias that judges; `none`: evidence alone, no model call.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Score this frozen metric on the cases instead of fitting a new one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the frozen metric goes.")] = Path("METRIC.json"),
    config: ConfigOption = CONFIG,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Fit the metric to people's verdicts, measure it and the judge on verdicts it was not fitted to, and freeze it.

    A line is {"document", "question", "answer", "label": 0 or 1 or a grade}, with "group", "aspect" and "scores"
    (readings that exist already, as {"judge": 0.7}) where there are any; or {"prompt", "a", "b", "label": 1 or 2}.
    Works without a project, on evidence alone. Name the result under metric: in seedbed.yaml, and compile uses it.
    """
    project = _project(config, judge, set, yes=yes)
    from seedbed.compiling.figures import as_json, calibration_text
    from seedbed.compiling.verdicts import calibrate_cases, check_cases, open_frozen, read_cases, save_metric
    from seedbed.progress import Progress

    cases = read_cases(verdicts)
    with Progress() as progress:
        if check:
            measured = check_cases(cases, open_frozen(check), project, judge, progress)
        else:
            measured, predictions = calibrate_cases(cases, project, judge, progress)
            save_metric(measured, predictions, out)
    if json:
        print_json(as_json(measured))
    else:
        print_text(calibration_text(measured))
        print(f"\n{check} was scored as it is" if check else f"\n{out}  (metric {measured.hash})")


def _project(config: Path, judge: str | None, overrides: list[str] | None, *, yes: bool) -> Project | None:
    """The project, with its judge's model brought here if it is asked; None if there is no project."""
    from seedbed.errors import UserError

    if not config.is_file():
        words = [f"--judge {judge} is an alias"] if judge not in (None, "none") else []
        words += [f"--set {overrides[0]} is of a project"] if overrides else []
        if words:
            raise UserError(f"{words[0]}, and there is no {config}.", hint="Name one with --config.")
        return None
    project = open_project(config, overrides=overrides)
    alias, models = judge or project.config.roles.named()["judge"], project.config.models
    if judge != "none" and alias in models:
        supply_entries([[models[alias]]], project.base, yes=yes)
    return project
