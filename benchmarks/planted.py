"""How many rows of a known fault are kept out, by recipe and fault, and how many good ones beside them are kept.

    python benchmarks/planted.py [--rounds 5] [--recipe NAME]

One in five replies of a step is spoilt in one way; the judge errs so that its kappa with the truth is 0.6. No model is
asked. What is planted, and how: `tests/support/planted.py`.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.planted import Figures, Plant, PlantedProgram, plants

from programs.core.recipe import recipes

COLUMNS = "recipe", "fault", "found by", "planted", "kept out", "without a judge", "mostly as", "good kept", "kappa"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often the sources are run, with other places")
    parser.add_argument("--recipe", choices=plants(), help="by default all that have a plant")
    options = parser.parse_args()
    chosen = {name: plant for name, plant in plants().items() if options.recipe in (None, name)}
    for line in table(chosen, options.rounds):
        print(line, flush=True)


def table(chosen: Mapping[str, Plant], rounds: int) -> Iterator[str]:
    """The lines of the table, one a fault."""
    yield _line(*COLUMNS)
    yield _line(*["---"] * len(COLUMNS))
    for name, plant in chosen.items():
        program = PlantedProgram(recipes()[name], plant)
        for fault, planted in plant.faults.items():
            yield _line(name, fault, planted.by, *_cells(program.figures(planted, rounds)))


def _cells(figures: Figures) -> list[str]:
    reasons = figures.reasons.most_common(1)
    kappa = "-" if figures.kappa is None else f"{figures.kappa:.2f}"
    shares = f"{figures.share:.0%}", f"{figures.share_by_rule:.0%}"
    kept = f"{figures.accepted / figures.good:.0%}"
    return [str(figures.planted), *shares, reasons[0][0] if reasons else "-", kept, kappa]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
