"""Proof by planting: what is known of judges, labels and documents comes back from the calibration as it was put in."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from support.planting import Change, figures, judged, planted

from metrics.calibration.calibrate import calibrate

pytestmark = pytest.mark.slow

AREAS = (0.5, 0.65, 0.8, 0.95)


def found(area: float, documents: int | None, seeds: int, missing: float = 0.0, n: int = 100) -> tuple[int, int]:
    """Over many seeds: how many intervals hold a judge's planted AUROC, and how often it is called useful. Of 200
    seeds at n = 100, 94 to 99 of 100 held it."""
    held = useful = 0
    for seed in range(seeds):
        result = figures(planted(seed, area, n, documents, missing))
        assert result.judge
        assert result.judge.useful or result.weights["judge"] == 0
        held += result.judge.auroc_low <= area <= result.judge.auroc_high
        useful += result.judge.useful
    return held, useful


@pytest.mark.parametrize(("documents", "missing"), [(None, 0.0), (20, 0.0), (20, 1 / 3)])
def test_a_planted_judge_comes_back(documents: int | None, missing: float) -> None:
    """Fewer than 9 of 12 would come by chance once in 400 times; a good judge is seen to be one, a coin is not."""
    results = {area: found(area, documents, 3, missing) for area in AREAS}
    assert sum(held for held, _ in results.values()) >= 9
    assert results[0.5][1] <= 1
    assert results[0.8][1] >= 2
    assert results[0.95][1] == 3


@pytest.mark.parametrize("documents", [None, 20])
def test_the_fitted_metric_is_as_good_as_the_one_part_that_it_ranks_by(documents: int | None) -> None:
    """With nothing beside the judge the metric's AUROC is the judge's, out of fold too; the trivial rules have 0.5."""

    def alone(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        return row | {"parts": {"judge": row["parts"]["judge"]}}

    results = [figures(planted(seed, 0.8, documents=documents, change=alone)) for seed in range(6)]
    assert sum(result.auroc_low <= 0.8 <= result.auroc_high for result in results) >= 4
    assert sum(result.difference_low <= 0.3 <= result.difference_high for result in results) >= 4
    assert all(result.difference_low > 0 for result in results)


USELESS: dict[str, Change] = {
    "constant": judged(lambda row, rng: 0.7),
    "never read": judged(lambda row, rng: None),
    "length, where length is not the truth": judged(lambda row, rng: 1 + row["length"] / 200 + 0.01 * rng.random()),
    "upside down": judged(lambda row, rng: 1 - row["parts"]["judge"]),
}


@pytest.mark.parametrize("kind", USELESS)
def test_a_judge_of_no_use_is_called_so_and_gets_no_weight(kind: str) -> None:
    for seed in range(3):
        fitted, result, _ = calibrate(planted(seed, change=USELESS[kind]), ["judge"])
        assert not result.judges["judge"].useful
        assert result.weights["judge"] == 0
        assert "judge" not in fitted.weights
        assert any("judge judge is of no use on these labels" in note for note in result.notes)


def test_a_judge_that_only_counts_characters_is_of_no_use_even_where_the_short_answer_is_the_good_one() -> None:
    def short(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        length = -float(rng.integers(5, 150) + 50 * (not row["label"]))
        return row | {"length": length, "parts": row["parts"] | {"judge": 1 + length / 200}}

    for seed in range(3):
        result = figures(planted(seed, change=short))
        assert result.judge
        assert result.judge.auroc_low > 0.5
        assert result.judge.auroc == pytest.approx(result.baselines["length"].auroc, abs=0.05)
        assert not result.judge.useful


def test_parts_of_noise_do_not_look_good_out_of_fold() -> None:
    """Twelve parts, 60 rows: on the rows fitted to such a metric reaches 0.7."""

    def noise(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        return row | {"parts": {f"part {i}": rng.random() for i in range(12)}}

    areas = [calibrate(planted(seed, n=60, change=noise), [])[1].auroc for seed in range(8)]
    assert 0.4 < np.mean(areas) < 0.57


def test_a_metric_that_says_nothing_is_worth_exactly_one_half() -> None:
    """Only rows of one fold are compared: a fold with few good rows left the others with many, so that fits to those
    say more of its rows, and all folds together would be ranked upside down."""
    for seed in range(3):
        empty = [dataclasses.replace(row, parts={}) for row in planted(seed, n=45, documents=7)]
        assert calibrate(empty, [])[1].auroc == 0.5


def test_evidence_alone_needs_no_judge() -> None:
    rows = planted(0)
    plain = [dataclasses.replace(row, parts={"words": row.parts["judge"]}) for row in rows]
    result = calibrate(plain, [])[1]
    assert (result.judge, result.judges, result.coverage) == (None, {}, 1.0)
    assert result.auroc_low > 0.5
    assert result.weights["words"] > 0
