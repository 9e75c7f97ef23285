"""A judge is worth what it adds to the evidence, by the faults that are its own."""

import numpy as np
import pytest

from metrics.calibration.calibrate import calibrate
from metrics.calibration.observations import Observation
from metrics.calibration.usefulness import tried
from metrics.likelihood import LIKELIHOOD, LIKELIHOODS

pytestmark = pytest.mark.slow

FAULTS_TOLD = ("grounded", "question")


def rows(n: int, *, judge: float = 0.0, evidence: float = 0.0, likely: float | None = None) -> list[Observation]:
    """Of twenty documents; readings are normal, about a strength for good rows and about 0 for bad ones."""
    random = np.random.default_rng(3)
    made = []
    for number in range(n):
        good = bool(random.random() < 0.5)
        parts: dict[str, float | None] = {
            "words": evidence * good + random.normal(),
            "correct": judge * good + random.normal(),
        }
        if likely is not None:
            parts |= {name: likely * good + random.normal() for name in LIKELIHOODS}
        made.append(
            Observation(
                parts=parts,
                label=float(good),
                group=f"d{number % 20}",
                length=random.normal(),
                overlap=random.normal(),
                aspect="overall" if good else FAULTS_TOLD[number % 2],
                id=f"v-{number}",
            )
        )
    return made


def test_what_a_judge_adds_is_its_gain_over_the_evidence() -> None:
    found = calibrate(rows(300, judge=1.5, evidence=1.0), ["correct"])[1].judges["correct"]
    assert found.useful
    assert 0 < found.adds_low < found.adds < found.adds_high


def test_a_judge_that_repeats_the_evidence_adds_nothing() -> None:
    told = rows(300, evidence=2.0)
    same = [Observation(**{**vars(row), "parts": {**row.parts, "correct": row.parts["words"]}}) for row in told]
    fitted, figures, _ = calibrate(same, ["correct"])
    assert figures.judges["correct"].auroc > 0.85
    assert not figures.judges["correct"].useful
    assert fitted.weights.get("correct", 0.0) == 0
    assert any("judge correct is of no use" in note for note in figures.notes)


def test_a_likelihood_is_kept_or_left_as_a_whole() -> None:
    fitted, figures, _ = calibrate(rows(300, likely=1.0), [])
    assert figures.judges[LIKELIHOOD].useful
    assert sum(fitted.weights[name] for name in LIKELIHOODS) > 0
    fitted, figures, _ = calibrate(rows(300, evidence=1.0, likely=0.0), [])
    assert not figures.judges[LIKELIHOOD].useful
    assert not fitted.weights.keys() & set(LIKELIHOODS)


def test_a_fault_that_another_check_owns_does_not_count_against_a_judge() -> None:
    """It takes every worthless question for right, and catches every answer that the document does not bear out."""
    told = [Observation(**{**vars(row), "parts": {"correct": float(row.aspect != "grounded")}}) for row in rows(100)]
    assert tried(told, "correct")[0].auroc == 1
    assert tried([Observation(**{**vars(row), "aspect": "grounded"}) for row in told], "correct")[0].auroc < 0.8


@pytest.mark.parametrize(("judge", "contradicts"), [(-3.0, True), (3.0, False)])
def test_a_judge_that_says_the_opposite_names_three_verdicts_to_look_at(judge: float, contradicts: bool) -> None:
    told = rows(100, judge=judge)
    said = tried(told, "correct")[1]
    ids = {row.id for row in told if row.aspect != "question"}
    named = [word.strip(",") for word in said.split("look at ")[-1].split()] if said else []
    assert bool(said) is contradicts
    assert len(ids & set(named)) == 3 * contradicts
