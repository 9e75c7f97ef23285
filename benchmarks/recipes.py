"""What each recipe takes: the lines of its files, and the seconds of its commands with a scripted teacher.

    python benchmarks/recipes.py [--recipe NAME]

For each recipe: the lines of `programs/FAMILY/NAME.py` and of `signatures/FAMILY/NAME.py`, then `seedbed init`,
`compile` and `run` of 20 candidates, each as a process of its own. The teacher answers at once, whatever it is asked,
and texts are embedded by hashed words; so what is measured is Seedbed. `seedbed --help` is the first line. Prints
Markdown.
"""

import argparse
import inspect
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from programs.core.recipe import Recipe, recipes

ROOT = Path(__file__).parent.parent
SEEDBED = Path(sys.executable).with_name("seedbed")
TEACHER = "from support.scripted_program import teacher\n\nreply = teacher({!r})\n"
COLUMNS = "recipe", "lines", "of prompts", "init, s", "compile, s", "run, s"
SHORT = {"compile.budget": "quick", "compile.compare": 8, "compile.ship": "compiled", "run.max_candidates": 20}
SCRIPTED = {"models.small.model": "scripted/teacher.py", "embedder": "scripted/hashed-words", "report": "false"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=sorted(recipes()), help="by default all")
    name = parser.parse_args().recipe
    print(f"seedbed --help: {seconds(Path(), '--help'):.2f} s\n")
    for line in table([recipes()[each] for each in recipes() if name in (None, each)]):
        print(line, flush=True)


def table(chosen: list[Recipe]) -> Iterator[str]:
    """The lines of the table, one a recipe."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for recipe in chosen:
        with tempfile.TemporaryDirectory() as folder:
            times = [f"{took:.1f}" for took in commands(recipe, Path(folder))]
        yield f"| {' | '.join([recipe.name, *map(str, lines(recipe)), *times])} |"


def lines(recipe: Recipe) -> list[int]:
    """The lines of the recipe's file and of its prompts."""
    family, name = Path(inspect.getfile(recipe.program)).parts[-2:]
    files = (ROOT / room / family / name for room in ("programs", "signatures"))
    return [len(file.read_text(encoding="utf-8").splitlines()) for file in files]


def commands(recipe: Recipe, folder: Path) -> Iterator[float]:
    """The seconds of `init`, `compile` and `run`."""
    sets = [f"--set={key}={value}" for key, value in {**SCRIPTED, **SHORT}.items()]
    yield seconds(folder, "init", ".", "--recipe", recipe.name)
    (folder / "teacher.py").write_text(TEACHER.format(recipe.name), encoding="utf-8")
    yield seconds(folder, "compile", *sets)
    yield seconds(folder, "run", "--rows=20", "--out=rows", "--keep-going", *sets)


def seconds(folder: Path, *words: str) -> float:
    """How long a command takes. Raises RuntimeError, with what it said, if it failed; falling short is no failure."""
    before, env = time.monotonic(), os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run([SEEDBED, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"seedbed {' '.join(words)}: {done.stderr or done.stdout}")
    return time.monotonic() - before


if __name__ == "__main__":
    main()
