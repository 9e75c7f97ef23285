"""The whole job on an embedded model, as `make demo` runs it: pull, init, compile, run, and what came of it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path("demo")
ROWS = 10
MODEL = "qwen2.5-coder-0.5b"
FLOOR = ["--set", "models.small={model: embedded/smollm2-135m, max_tokens: 48}"]
# What a compile takes less time by than with a project's own settings.
QUICK = ["--set", "compile.budget=quick", "--set", "compile.compare=16", "--set", "compile.judge_checks=16"]
FELL_SHORT = 1  # the exit code of a command that did its work and got less than was asked: the demo shows what there is
SEEDBED = Path(sys.executable).with_name("seedbed")


def main() -> int:
    """Run the commands a user would, and print how long each took."""
    shutil.rmtree(DEMO, ignore_errors=True)
    started = time.monotonic()
    other = [] if run(["models", "pull", "--yes", MODEL], Path()) == 0 else FLOOR
    if other:
        print("The model could not be brought here (see above): the demo goes on with one of 135M parameters.")
        print("It shows the machinery alone: most of its rows will be wrong.")
    for command, folder in (
        (["init", str(DEMO)], Path()),
        (["compile", *QUICK, *other], DEMO),
        (["run", "--rows", str(ROWS), "--out", "dataset", *other], DEMO),
    ):
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


def show(dataset: Path) -> None:
    """All rows, the best by the metric first, each with its passage, for a reader to judge."""
    from datasets import concatenate_datasets, disable_progress_bars, load_dataset

    disable_progress_bars()
    if not list(dataset.glob("rows/*.parquet")):
        return
    rows = concatenate_datasets([*load_dataset(str(dataset)).values()]).to_list()
    print(f"\nAll {len(rows)} rows, the best first by the metric (their order in the dataset is another):")
    for row in sorted(rows, key=lambda row: -row["score"]):
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
