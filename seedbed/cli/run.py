"""`seedbed run`: writes the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
    print_text,
)
from seedbed.cli.shared.report_page import leave_run_report
from seedbed.cli.shared.supply import YesOption, supply

_OUT = typer.Option(help="The dataset's folder; the same folder again resumes.", show_default=False)
_ROWS = typer.Option(min=1, help="Accepted rows wanted; run.rows by default.")
_REPLAY = typer.Option(
    help="Call no model: make the rows again from this run's journal, in --out or in its own folder."
)
_BATCH_JOB = typer.Option(
    help="Batch mode: the job at the provider that holds a wave of calls, or none.", metavar="WAVE=JOB"
)
_KEEP_GOING = typer.Option("--keep-going", help="Do not stop when source after source gives no row.")


def run(
    out: Annotated[Path | None, _OUT] = None,
    rows: Annotated[int | None, _ROWS] = None,
    replay: Annotated[Path | None, _REPLAY] = None,
    batch_job: Annotated[list[str] | None, _BATCH_JOB] = None,
    wave: Annotated[list[str] | None, typer.Option(hidden=True)] = None,
    keep_going: Annotated[bool, _KEEP_GOING] = False,
    uncompiled: Annotated[bool, typer.Option("--uncompiled", help="Use the prompts as written.")] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Write a dataset of N accepted rows, or stop at a limit and say which (exit code 1).

    A run that gives no rows stops and says why; it goes on with --keep-going, or after the cause is fixed.
    After Ctrl-C or a kill, run the same command to resume: replies on the disk are never paid again.
    """
    if wave:
        raise typer.BadParameter("is called --batch-job now", param_hint="--wave")
    folder = out or replay
    if folder is None:
        raise typer.BadParameter("name a folder for the dataset", param_hint="--out")
    overrides = [*(set or []), *([f"run.rows={rows}"] if rows else [])]
    overrides += ["run.keep_going=true"] if keep_going else []
    project = open_project(config, teacher, overrides)
    if not replay:
        supply(project.config, project.base, yes=yes)
    from seedbed.progress import Progress
    from seedbed.reports.summary import run_summary
    from seedbed.runs.dataset import write_dataset

    with Progress() as progress:
        report, samples = write_dataset(
            project, folder, uncompiled=uncompiled, progress=progress, replay=replay, waves=batch_job or []
        )
    if json:
        print_json(report)
    else:
        print_text(run_summary(report, folder, samples))
    if project.config.report:
        leave_run_report(folder, json=json)
    raise typer.Exit(report["exit_code"])
