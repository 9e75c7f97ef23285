"""The whole job on the embedded model, as `make demo` runs it: init, compile, run, and what came of it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path("demo")
ROWS = 8
SMALLER = ["--set", "compile.compare=24", "--set", "compile.judge_checks=16"]  # than a project's own: five minutes
SEEDBED = Path(sys.executable).with_name("seedbed")


def main() -> int:
    """Run the four commands a user would, and print how long each took."""
    shutil.rmtree(DEMO, ignore_errors=True)
    started = time.monotonic()
    for command in (["init", str(DEMO)], ["compile", *SMALLER], ["run", "--rows", str(ROWS), "--out", "dataset"]):
        print(f"\n$ seedbed {' '.join(command)}", flush=True)
        before = time.monotonic()
        code = subprocess.run([SEEDBED, *command], cwd=None if command[0] == "init" else DEMO, check=False).returncode
        print(f"({time.monotonic() - before:.0f} s)", flush=True)
        if code:
            return code
    print(
        f"\nAll of it took {time.monotonic() - started:.0f} s on {os.cpu_count()} cores. The rows are in demo/dataset;"
    )
    print("in Python:  from datasets import load_dataset; load_dataset('demo/dataset')")
    print("A model of 135M parameters is the floor: it shows the machinery, not the quality. Name a stronger one under")
    print("models: in demo/seedbed.yaml, bind it under roles:, and run `seedbed compile` and `seedbed run` again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
