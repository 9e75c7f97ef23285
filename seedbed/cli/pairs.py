"""`seedbed pairs`: makes preference rows from the answers of a finished run."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    open_project,
    print_json,
    print_text,
)
from seedbed.cli.shared.report_page import leave_run_report
from seedbed.cli.shared.supply import YesOption, supply

_OUT = typer.Option(help="The new dataset's folder; FOLDER-pairs by default. The same folder again resumes.")
_SAMPLES = typer.Option(
    min=0,
    help="New answers for each row that has no worse answer to its prompt; 0: only answers of the run are paired.",
)
_MARGIN = typer.Option(min=0, max=1, help="How much lower the score of a worse answer that the gate accepted must be.")
_NO_JUDGE = typer.Option("--no-judge", help="Do not ask the judge which answer is better: the scores alone decide.")


def pairs(
    folder: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
    out: Annotated[Path | None, _OUT] = None,
    samples: Annotated[int, _SAMPLES] = 2,
    margin: Annotated[float, _MARGIN] = 0.2,
    no_judge: Annotated[bool, _NO_JUDGE] = False,
    config: ConfigOption = CONFIG,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Make pairs of a better and a worse answer to one prompt, for DPO and reward models, from a finished run.

    The better answer is an accepted one. The worse one is an answer to the same prompt that the run rejected, or that
    another teacher wrote; where there is none, the teacher answers again (--samples), and the gate scores its answers.
    The judge compares the two in both orders, and a pair stays if it prefers the better answer in both. A prompt gives
    one pair at most: its best answer with its worst. If there is no pair, or a cap is reached, the exit code is 1.

    It reads the run's folder and writes only to its own. Give --config and --set as for the run. The caps of run: and
    budget: hold; after Ctrl-C, run the same command to resume.

    For example: seedbed pairs dataset --out preferences
    """
    project = open_project(config, overrides=set)
    if samples or not no_judge:
        supply(project.config, project.base, yes=yes)
    from seedbed.progress import Progress
    from seedbed.reports.pairs import pairs_summary
    from seedbed.runs.pairs.dataset import PairSettings, write_pairs

    to = out or folder.resolve().with_name(f"{folder.resolve().name}-pairs")
    with Progress() as progress:
        report, best = write_pairs(project, folder, to, PairSettings(samples, margin, not no_judge), progress)
    if json:
        print_json(report)
    else:
        print_text(pairs_summary(report, to, best))
    if project.config.report:
        leave_run_report(to, json=json)
    raise typer.Exit(report["exit_code"])
