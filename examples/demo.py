"""The whole job on embedded models, as `make demo` runs it: init, calibrate, compile, run, and what came of it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path("demo")
ROWS, SHOWN = 20, 10
MODELS = ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
# The small model answers the hundreds of calls of the search, the large one writes with what was found, and judges.
LENT = ["--teacher", "large", "--set", "run.program=small"]
LENT += ["--set", "roles.judge=large", "--set", "metric=METRIC.json"]
FLOOR = ["--set", "models.small={model: embedded/smollm2-135m, max_tokens: 48}"]
# What a compile takes less time by than with a project's own settings.
QUICK = ["--set", "compile.budget=quick", "--set", "compile.compare=16", "--set", "compile.judge_checks=16"]
FELL_SHORT = 1  # the exit code of a command that did its work and got less than was asked: the demo shows what there is
SEEDBED = Path(sys.executable).with_name("seedbed")


def main() -> int:
    """Run the commands a user would, and print how long each took."""
    shutil.rmtree(DEMO, ignore_errors=True)
    started = time.monotonic()
    for command, folder in [(["init", str(DEMO)], Path()), *((command, DEMO) for command in commands())]:
        if (code := run(command, folder)) not in (0, FELL_SHORT):
            return code
    show(DEMO / "dataset")
    print(
        f"\nAll of it took {time.monotonic() - started:.0f} s on {os.cpu_count()} cores. The rows are in demo/dataset."
    )
    if (page := DEMO / "dataset" / "report.html").is_file():
        print(f"A page to open in a browser, on where candidates were lost, what compiling changed, and rows: {page}")
    print("in Python:  from datasets import load_dataset; load_dataset('demo/dataset')")
    print("Other teachers: name them under models: in demo/seedbed.yaml, and compile and run with --teacher ALIAS.")
    return code


def commands() -> list[list[str]]:
    """What is run in the project, with the models of the shelf if they can be brought here."""
    write = ["run", "--rows", str(ROWS), "--out", "dataset"]
    if run(["models", "pull", "--yes", *MODELS], Path()) == 0:
        judge = ["calibrate", "--verdicts", "verdicts.jsonl", "--judge", "large"]
        return [judge, ["compile", *QUICK], [*write, *LENT]]
    print("The models could not be brought here (see above): the demo goes on with one of 135M parameters.")
    print("It shows the machinery alone: most of its rows will be wrong.")
    return [["compile", *QUICK, *FLOOR], [*write, *FLOOR]]


def show(dataset: Path) -> None:
    """The best rows by the metric, each with its passage, for a reader to judge."""
    from datasets import concatenate_datasets, disable_progress_bars, load_dataset

    disable_progress_bars()
    if not list(dataset.glob("rows/*.parquet")):
        return
    rows = concatenate_datasets([*load_dataset(str(dataset)).values()]).to_list()
    best = sorted(rows, key=lambda row: -row["score"])[:SHOWN]
    print(f"\nOf {len(rows)} rows the best {len(best)} by the metric (their order in the dataset is another):")
    for row in best:
        print(f"\n{row['score']:.2f}  {row['question']}\n      {row['answer']}\n      [{row['passage']}]")


def run(command: list[str], folder: Path) -> int:
    """One command, with its time."""
    print(f"\n$ seedbed {' '.join(command)}", flush=True)
    before = time.monotonic()
    code = subprocess.run([SEEDBED, *command], cwd=folder, check=False).returncode
    print(f"({time.monotonic() - before:.0f} s)", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
