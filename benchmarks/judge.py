"""How well each scorer, the fitted metric and the trivial rules tell good rows from bad on public labelled sets.

    python benchmarks/judge.py --data FOLDER [--config seedbed.yaml --judge ALIAS] [--sets BEGIN,SummEdits]

FOLDER holds the sets as JSON Lines (benchmarks/labelled_sets.py names the files). Prints Markdown: AUROC with 95%
intervals by document: the fitted metric out of fold, each scorer alone, and the metric without each scorer. With a
judge, its verdicts are a scorer more.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from labelled_sets import SETS, Case

from metrics.calibration.agreement import auroc
from metrics.calibration.calibrate import Calibration, Observation, calibrate
from metrics.calibration.intervals import Interval, bootstrap
from metrics.calibration.readings import Reader, judge_names
from programs.core.background import run_sync
from seedbed.compiling.metric import asked_judges
from seedbed.compiling.verdicts import judging
from seedbed.config.load import load_config
from seedbed.models.embedder import MODEL, Embedder
from seedbed.project.project import Project


def main() -> None:
    """Print both tables."""
    options = _options()
    cases = {name: list(SETS[name](options.data)) for name in options.sets.split(",")}
    if options.judge:
        project = Project(load_config(options.config), options.config.parent.resolve())
        with judging(project, options.judge) as session:
            _compare(Reader(session.embed, judges=asked_judges(session.project), writer=options.judge), cases)
    else:
        _compare(Reader(Embedder(MODEL)), cases)


def _compare(reader: Reader, cases: dict[str, list[Case]]) -> None:
    observed = {name: run_sync(reader.observe(rows)) for name, rows in cases.items()}
    _print_fitted({name: calibrate(rows, judge_names(rows))[1] for name, rows in observed.items()})
    _print_alone(observed)
    _print_without(observed)


def _print_fitted(figures: dict[str, Calibration]) -> None:
    print("| set | n | groups | metric, out of fold | length | overlap | difference | ECE | kappa |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, one in figures.items():
        length, overlap = (one.baselines[rule].auroc for rule in ("length", "overlap"))
        metric = _said(Interval(one.auroc, one.auroc_low, one.auroc_high))
        difference = _said(Interval(one.difference, one.difference_low, one.difference_high))
        print(
            f"| {name} | {one.n} | {one.groups} | {metric} | {length:.2f} | {overlap:.2f} | {difference} "
            f"| {one.ece:.2f} | {one.kappa:.2f} |"
        )
    print()


def _print_alone(observed: dict[str, list[Observation]]) -> None:
    scorers = sorted({part for rows in observed.values() for one in rows for part in one.parts})
    print(f"| scorer alone | {' | '.join(observed)} |")
    print(f"|---|{'---|' * len(observed)}")
    for scorer in scorers:
        print(f"| {scorer} | {' | '.join(_alone(scorer, rows) for rows in observed.values())} |")


def _print_without(observed: dict[str, list[Observation]]) -> None:
    """What the metric loses without a scorer: what the scorer adds to the others."""
    print(f"\n| AUROC of the metric without | {' | '.join(observed)} |")
    print(f"|---|{'---|' * len(observed)}")
    for scorer in sorted({part for rows in observed.values() for one in rows for part in one.parts}):
        print(f"| {scorer} | {' | '.join(_without(scorer, rows) for rows in observed.values())} |")


def _without(scorer: str, rows: Sequence[Observation]) -> str:
    if not any(scorer in one.parts for one in rows):
        return "-"
    left = [dataclasses.replace(one, parts={k: v for k, v in one.parts.items() if k != scorer}) for one in rows]
    return f"{calibrate(left, judge_names(left))[1].auroc:.2f}"


def _alone(scorer: str, rows: Sequence[Observation]) -> str:
    """AUROC on the rows that it scores, and their share where it is not all of them."""
    there = [one for one in rows if one.parts.get(scorer) is not None]
    labels = np.array([one.label > 0.5 for one in there], dtype=bool)
    if len(there) < 20 or labels.all() or not labels.any():
        return "-"
    scores = np.array([one.parts[scorer] for one in there], dtype=float)
    share = "" if len(there) == len(rows) else f" ({len(there) / len(rows):.0%})"
    return _said(bootstrap(auroc(scores, labels), [one.group for one in there], labels)) + share


def _said(interval: Interval) -> str:
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled sets")
    parser.add_argument("--sets", default=",".join(SETS), help="some of the sets, as a,b")
    parser.add_argument("--config", type=Path, default=Path("seedbed.yaml"), help="a project, for --judge")
    parser.add_argument("--judge", help="an alias of the project: ask its judges too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
