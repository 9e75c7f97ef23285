"""Makes metrics/calibration/shipped.json, the fit that stands before any verdict, from what ships: seeds, verdicts.

    python benchmarks/shipped_fit.py            # writes the file, and prints what it accepts by kind of row
    python benchmarks/shipped_fit.py --check    # says whether the file is what this script makes; exits 1 where not

Fitted are the right answers and their twins against negatives made by rule of every kind. Good and bad rows count
alike, and so does each kind of bad row. What is accepted, and the threshold, are taken from fits that left the row's
document out. Bad verdicts of people have no part in it. The sets it was chosen by are listed in fit_sets.py. It takes
a minute or two on one core, most of it the embedder's.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from metrics.calibration.agreement import auroc
from metrics.calibration.contrasts import contrasts
from metrics.calibration.fit import EVIDENCE, Aim, fit
from metrics.calibration.fitted import Fitted
from metrics.calibration.intervals import Flags, Floats, plain
from metrics.calibration.negatives import EDITS, kind_of
from metrics.calibration.observations import Observation
from metrics.calibration.readings import Reader
from metrics.calibration.shipped import BY_EMBEDDING, FILE, Shipped
from metrics.calibration.verdicts import LabelledCase, verdict_line
from metrics.evidence import PARTS
from optimize.seeds import read_lines
from programs.core.background import run_sync
from programs.qa.grounded_qa import QASeed
from seedbed.models.embedder import MODEL, Embedder

OURS = Path(__file__).parent.parent / "data" / "qa" / "grounded_qa"
RIDGE = 300.0  # of 2 to 600 the best on the sets for choosing; it keeps parts that passages' own words say little of
LEVEL = 0.10  # of the bad rows that are no edits of a right answer, each kind alike, the threshold lets so many pass
NEAR = 0.02  # by which a figure of the file may differ on another machine, whose embeddings differ in the last bits


def main() -> None:
    """Write the file, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the file is up to date")
    options = parser.parse_args()
    cases = rows()
    made = ship(cases, run_sync(Reader(Embedder(MODEL)).observe(cases)))
    if not options.check:
        FILE.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print("\n".join(f"| {name} | {made.rows[name]} | {share:.0%} |" for name, share in made.accepted.items()))
    if options.check and not alike(made.model_dump(), json.loads(FILE.read_text(encoding="utf-8"))):
        sys.exit(f"{FILE} is not what this script makes: run it without --check.")


def rows() -> list[LabelledCase]:
    """What is fitted to: hand-written right answers, their twins and negatives of every kind."""
    verdicts = read_lines(OURS / "pairs.jsonl", verdict_line)
    good = [case for case in verdicts if isinstance(case, LabelledCase) and case.label > 0]
    seeds = [seed for seed in read_lines(OURS / "seeds.jsonl", QASeed.model_validate_json) if seed.answer]
    asked = [
        LabelledCase(
            document=seed.document, question=seed.question, answer=seed.answer or "", label=1, group=seed.source
        )
        for seed in seeds
    ]
    return contrasts([*good, *asked])


def ship(cases: Sequence[LabelledCase], observed: Sequence[Observation]) -> Shipped:
    """The fit of these rows, and what it accepts of each kind with the row's document left out."""
    kinds, good = np.array([kind(case) for case in cases]), np.array([case.label > 0 for case in cases])
    bare = PARTS - BY_EMBEDDING
    without = left_out(cases, observed)
    held = said(without, cases, observed)
    threshold = level(held, kinds, good)
    bare_threshold = level(said(left_out(cases, observed, bare), cases, observed), kinds, good)
    accepted = {str(name): round(float((held[kinds == name] >= threshold).mean()), 3) for name in sorted(set(kinds))}
    return Shipped(
        embedder=MODEL,
        fit=_rounded(fitted(cases, observed), threshold),
        bare=_rounded(fitted(cases, observed, bare), bare_threshold),
        without={unit: _rounded(model, threshold) for unit, model in without.items()},
        level=LEVEL,
        rows=dict(sorted(Counter(map(str, kinds)).items())),
        accepted=accepted,
        auroc=round(plain(auroc(held, good), len(good)), 3),
        inputs=inputs(cases),
    )


def inputs(cases: Sequence[LabelledCase]) -> str:
    """A digest of the rows."""
    return hashlib.sha256("\n".join(case.model_dump_json() for case in cases).encode()).hexdigest()[:16]


def fitted(cases: Sequence[LabelledCase], observed: Sequence[Observation], parts: Collection[str] = PARTS) -> Fitted:
    """A fit of these rows by these parts; towards stated weights, for a part of which the rows say little."""
    good = np.array([case.label > 0 for case in cases])
    seen = [{name: value for name, value in row.parts.items() if name in parts} for row in observed]
    stated = Aim(dict.fromkeys(PARTS, EVIDENCE), {})
    groups = [case.unit for case in cases]
    return fit(seen, good, groups, ridge=RIDGE, towards=stated, counts=counts(list(map(kind, cases)), good))


def left_out(
    cases: Sequence[LabelledCase], observed: Sequence[Observation], parts: Collection[str] = PARTS
) -> dict[str, Fitted]:
    """For each document the fit that left its rows out."""
    fits, units = {}, np.array([case.unit for case in cases])
    for unit in sorted(set(units)):
        kept = np.flatnonzero(units != unit)
        fits[str(unit)] = fitted([cases[i] for i in kept], [observed[i] for i in kept], parts)
    return fits


def said(fits: Mapping[str, Fitted], cases: Sequence[LabelledCase], observed: Sequence[Observation]) -> Floats:
    """The probability of each row by its document's fit."""
    pairs = zip(cases, observed, strict=True)
    return np.array([fits[case.unit].probability(row.parts) for case, row in pairs])


def kind(case: LabelledCase) -> str:
    """What a row is: made bad by which rule, the twin of a right answer, or a right answer."""
    return kind_of(case) or (case.reason if case.reason.startswith("twin: ") else "right answer")


def counts(kinds: Sequence[str], good: Flags) -> Floats:
    """How much each row counts, 1 on average: good and bad rows alike in all, each kind of bad row alike."""
    sizes = Counter(kinds)
    bad = {name for name, right in zip(kinds, good, strict=True) if not right}
    each = [1 / good.sum() if right else 1 / len(bad) / sizes[name] for name, right in zip(kinds, good, strict=True)]
    return np.array(each) * len(kinds) / 2


def level(scores: Floats, kinds: np.ndarray, good: Flags) -> float:
    """The lowest threshold that lets LEVEL of the bad rows pass, each kind alike. Edits of a right answer, of which
    evidence sees few, are not counted: held to them too, a threshold would refuse most right answers."""
    told = sorted(set(kinds[~good]) - EDITS)
    steps = np.linspace(0.01, 0.99, 99)
    passed = [np.mean([(scores[kinds == name] >= step).mean() for name in told]) for step in steps]
    return float(round(steps[int(np.argmax(np.array(passed) <= LEVEL))], 2))


def alike(made: object, there: object) -> bool:
    """Whether two contents are the same, numbers to within NEAR."""
    if isinstance(made, dict) and isinstance(there, dict):
        return made.keys() == there.keys() and all(alike(made[key], there[key]) for key in made)
    return abs(made - there) <= NEAR if isinstance(made, float) and isinstance(there, int | float) else made == there


def _rounded(model: Fitted, threshold: float) -> Fitted:
    def four(values: dict[str, float]) -> dict[str, float]:
        return {name: round(value, 4) for name, value in values.items()}

    return Fitted(
        intercept=round(model.intercept, 4),
        weights=four(model.weights),
        centres=four(model.centres),
        scales=four(model.scales),
        ridge=model.ridge,
        threshold=threshold,
    )


if __name__ == "__main__":
    main()
