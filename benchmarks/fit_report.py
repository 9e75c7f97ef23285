"""What the shipped fit is worth: the tables of docs/calibration.md.

    python benchmarks/fit_report.py --data FOLDER            # on the sets for reporting (fit_sets.py names them)
    python benchmarks/fit_report.py --data FOLDER --choose   # what each part adds, on the sets for choosing

FOLDER holds the public sets as JSON Lines. `before` are the weights that were stated, 0.2 a part, before there was a
fit; `shipped` is the fit as it ships, taken unchanged, and on our own verdicts fits that left the row's document out;
`own fit` is one to the set itself, out of fold. AUROC with 95% intervals by group. By kind: the AUROC of good rows
against the rows made bad by one rule, each kind counting alike where they are put together.
"""

import argparse
import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from fit_sets import CHOOSING, REPORTING
from shipped_fit import counts, fitted, kind, left_out, rows, said

from metrics.calibration.agreement import auroc
from metrics.calibration.calibrate import calibrate
from metrics.calibration.fit import stated
from metrics.calibration.fitted import Fitted
from metrics.calibration.intervals import Floats, Interval, Statistic, bootstrap, plain
from metrics.calibration.observations import Observation
from metrics.calibration.readings import Reader
from metrics.calibration.shipped import shipped
from metrics.calibration.verdicts import LabelledCase, verdict_line
from metrics.evidence import PARTS
from optimize.seeds import read_lines
from programs.core.background import run_sync
from seedbed.models.embedder import MODEL, Embedder

BEFORE = ("relevance", "words", "numbers", "verbatim", "located", "gain", "topic", "denial")
NEW = "the five new ones"
VERDICTS = Path(__file__).parent.parent / "data" / "qa" / "grounded_qa"
Read = tuple[list[LabelledCase], list[Observation]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of public sets")
    parser.add_argument("--choose", action="store_true", help="the sets for choosing, part by part")
    parser.add_argument("--verdicts", nargs="*", default=["pairs"], help="files of data/qa/grounded_qa, without .jsonl")
    options = parser.parse_args()
    if options.choose:
        _print_parts(_read(rows()), [_read(list(read(options.data))) for read in CHOOSING.values()])
        return
    print("| set | n | groups | before | shipped | own fit | own fit less shipped |\n|---|---|---|---|---|---|---|")
    for name in options.verdicts:
        _print_verdicts(name)
    for name, read in REPORTING.items():
        _print_set(name, _read(list(read(options.data))))


def _read(cases: list[LabelledCase]) -> Read:
    return cases, run_sync(Reader(Embedder(MODEL)).observe(cases))


def _print_verdicts(name: str) -> None:
    """Hand-written verdicts, by fits that left the row's document out."""
    cases = [case for case in read_lines(VERDICTS / f"{name}.jsonl", verdict_line) if isinstance(case, LabelledCase)]
    read, ours = _read(cases), shipped()
    fits = {case.unit: ours.without.get(case.unit, ours.fit) for case in cases}
    _print_line(f"hand-written verdicts, {name}", read, said(fits, *read))


def _print_set(name: str, read: Read) -> None:
    scores = _said(shipped().fit, read[1])
    _print_line(name, read, scores)
    kinds, good = _kinds(read)
    if len(set(kinds[~good])) > 1:
        before = _said(stated(BEFORE), read[1])
        for what in sorted(set(kinds[~good])):
            there = good | (kinds == what)
            areas = [plain(auroc(values[there], good[there]), int(there.sum())) for values in (before, scores)]
            passed = (scores[kinds == what] >= shipped().fit.threshold).mean()
            print(
                f"| - {what} | {int((kinds == what).sum())} | | {areas[0]:.2f} | {areas[1]:.2f} | {passed:.0%} pass | |"
            )
        for what in sorted(set(kinds[good])):
            passed = (scores[kinds == what] >= shipped().fit.threshold).mean()
            print(f"| - {what} | {int((kinds == what).sum())} | | | | {passed:.0%} pass | |")


def _print_line(name: str, read: Read, scores: Floats) -> None:
    cases, observed = read
    groups, good = [case.unit for case in cases], np.array([case.label > 0.5 for case in cases])
    before, now = (bootstrap(auroc(one, good), groups, good) for one in (_said(stated(BEFORE), observed), scores))
    own = calibrate([dataclasses.replace(row, kind="person") for row in observed], [])[1]  # all kinds in one figure
    measured = Interval(own.auroc, own.auroc_low, own.auroc_high)
    print(
        f"| {name} | {len(cases)} | {len(set(groups))} | {before} | {now} | {measured} | {own.auroc - now.mean:.2f} |",
        flush=True,
    )


def _print_parts(ours: Read, others: Sequence[Read]) -> None:
    """What the fit loses without each part: on our rows left out, and taken to the other sets."""
    print("| without | ours, left out | SQuAD, taken there |\n|---|---|---|")
    reads = [ours, *others]
    whole = _scored(ours, others, PARTS)
    areas = [plain(_by_kind(*one), len(one[1])) for one in zip(reads, whole, strict=True)]
    print(f"| nothing | {' | '.join(f'{area:.3f}' for area in areas)} |")
    for part in [*sorted(PARTS & {name for row in ours[1] for name in row.parts}), NEW]:
        without = _scored(ours, others, PARTS - {part} if part in PARTS else frozenset(BEFORE))
        told = [_gain(*one) for one in zip(reads, whole, without, strict=True)]
        print(
            f"| {part} | {' | '.join(f'{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]' for one in told)} |", flush=True
        )


def _scored(ours: Read, others: Sequence[Read], parts: Collection[str]) -> list[Floats]:
    """Our rows by fits that left their document out, and those of the other sets by a fit to all of ours."""
    model = fitted(*ours, parts)
    return [said(left_out(*ours, parts), *ours), *(_said(model, other[1]) for other in others)]


def _gain(read: Read, whole: Floats, without: Floats) -> Interval:
    """What is gained by a part, with the 95% interval of a bootstrap by group."""
    if np.array_equal(whole, without):
        return Interval(0.0, 0.0, 0.0)
    one, other = _by_kind(read, whole), _by_kind(read, without)
    good = np.array([case.label > 0 for case in read[0]])
    groups = [case.unit for case in read[0]]
    return bootstrap(lambda weights: one(weights) - other(weights), groups, good, span=(-1.0, 1.0), resamples=500)


def _by_kind(read: Read, scores: Floats) -> Statistic:
    """AUROC, each kind of bad row counting alike."""
    kinds, good = _kinds(read)
    each, measure = counts(kinds.tolist(), good), auroc(scores, good)
    return lambda weights: measure(weights * each)


def _kinds(read: Read) -> tuple[np.ndarray, np.ndarray]:
    good = np.array([case.label > 0 for case in read[0]])
    named = [
        kind(case) if right or case.made == "rule" else case.reason for case, right in zip(read[0], good, strict=True)
    ]
    return np.array(named), good


def _said(model: Fitted, observed: Sequence[Observation]) -> Floats:
    return np.array([model.probability({name: row.parts.get(name) for name in model.weights}) for row in observed])


if __name__ == "__main__":
    main()
