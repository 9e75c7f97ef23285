"""Proof by planting: what is known of judges, labels and documents comes back from the calibration as it was put in."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from metrics.calibration import Calibration, Observation, calibrate, check

Change = Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]


def planted(
    seed: int,
    area: float = 0.8,
    n: int = 100,
    documents: int | None = None,
    missing: float = 0.0,
    change: Change = lambda row, rng: row,
) -> list[Observation]:
    """Rows whose judge has a known AUROC beside two parts of noise; scores are normal in either class and 0.3 of their
    variance is shared by the rows of a document. Length and overlap say nothing."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % (documents or n)
    good, shift = rng.random(n) < 0.5, math.sqrt(2) * norm.ppf(area)
    score = shift * good + math.sqrt(0.3) * rng.normal(size=n)[group] + math.sqrt(0.7) * rng.normal(size=n)
    rows = []
    for i in range(n):
        judge = None if rng.random() < missing else float(norm.cdf(score[i] / 2))
        row = {
            "parts": {"judge": judge, "words": rng.random(), "relevance": rng.random()},
            "label": float(good[i]),
            "group": f"document {group[i]}",
            "length": -float(rng.integers(5, 200)),
            "overlap": rng.random(),
        }
        rows.append(Observation(**change(row, rng)))
    return rows


def figures(rows: Sequence[Observation]) -> Calibration:
    return calibrate(rows, ["judge"])[1]


def judged(score: Callable[[dict[str, Any], np.random.Generator], float | None]) -> Change:
    """Another judge in place of the planted one."""
    return lambda row, rng: row | {"parts": row["parts"] | {"judge": score(row, rng)}}


AREAS = (0.5, 0.65, 0.8, 0.95)


def found(area: float, documents: int | None, seeds: int, missing: float = 0.0, n: int = 100) -> tuple[int, int]:
    """Over many seeds: how many intervals hold a judge's planted AUROC, and how often it is called useful. 200 seeds
    at n = 100 and 300 held it in 93 to 97 of 100."""
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
        fitted, result = calibrate(planted(seed, change=USELESS[kind]), ["judge"])
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


def test_the_keys_are_those_that_were_promised() -> None:
    result = figures(planted(0)).model_dump(mode="json")
    promised = "n coverage accuracy kappa auroc auroc_low auroc_high spearman ece judge difference difference_low"
    assert set(result) >= {*promised.split(), "difference_high", "baselines", "weights", "threshold"}
    assert set(result["judge"]) >= {"auroc", "auroc_low", "auroc_high", "useful"}
    assert set(result["baselines"]) == {"length", "overlap"}


def test_the_difference_is_the_metric_less_the_better_trivial_rule() -> None:
    for seed in range(3):
        result = figures(planted(seed, documents=20))
        best = max(rule.auroc for rule in result.baselines.values())
        assert result.difference == pytest.approx(result.auroc - best)


def test_a_metric_that_is_no_better_than_counting_characters_is_said_to_be_so() -> None:
    def short(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        return row | {"length": -float(rng.integers(5, 60) + 50 * (not row["label"]))}

    notes = figures(planted(0, change=short)).notes
    assert any("no measurable difference between the metric and the trivial rule length" in note for note in notes)


def test_the_same_rows_give_the_same_fit_and_figures_in_any_order() -> None:
    rows = planted(0, documents=20)
    once, again = calibrate(rows, ["judge"]), calibrate(list(rows), ["judge"])
    assert once == again
    turned = calibrate(rows[::-1], ["judge"])[1]
    assert (turned.auroc, turned.auroc_low) == (pytest.approx(once[1].auroc), pytest.approx(once[1].auroc_low))


def test_a_frozen_metric_is_measured_on_new_verdicts_without_fitting() -> None:
    fitted = calibrate(planted(0, 0.8, 150), ["judge"])[0]
    result = check(fitted, planted(1, 0.8, 300), ["judge"])
    assert result.weights == fitted.weights
    assert (result.threshold, result.ridge) == (fitted.threshold, fitted.ridge)
    assert result.auroc_low < 0.8 < result.auroc_high
    assert 0.6 < result.accuracy < 0.85


def test_a_frozen_metric_is_not_moved_by_what_it_is_measured_on() -> None:
    fitted = calibrate(planted(0, 0.95, 150), ["judge"])[0]
    wrong = [dataclasses.replace(row, label=1 - row.label) for row in planted(1, 0.95, 100)]
    assert check(fitted, wrong, ["judge"]).auroc < 0.2


def test_probabilities_of_a_good_metric_are_calibrated() -> None:
    result = figures(planted(0, 0.8, 190))
    assert result.ece < 0.12
    assert result.ece_low < 0.05


def test_rows_made_bad_by_rule_are_reported_apart() -> None:
    """People's verdicts are hard (0.65), those made by rule easy (0.95): the headline is people's."""
    people = planted(0, 0.65, 150)
    easy = [dataclasses.replace(row, kind="rule") for row in planted(1, 0.95, 80) if not row.label]
    rows = people + [
        dataclasses.replace(
            row, parts=row.parts | {"judge": 0.3 * (row.parts["judge"] or 0)}, group=f"made {row.group}"
        )
        for row in easy
    ]
    result = figures(rows)
    assert result.n == 150
    assert result.by_rule
    assert result.by_rule.n == len(easy) + sum(row.label > 0 for row in people)
    assert result.auroc < 0.75 < (result.by_rule.auroc or 0)


def test_where_people_said_yes_only_rows_made_bad_by_rule_count_and_a_note_says_so() -> None:
    rows = [row if row.label else dataclasses.replace(row, kind="rule") for row in planted(0)]
    result = figures(rows)
    assert result.n == 100
    assert any("rows made bad by rule are counted" in note for note in result.notes)


def test_rows_that_the_judging_model_wrote_are_reported_apart() -> None:
    rows = [dataclasses.replace(row, own=i % 4 == 0) for i, row in enumerate(planted(0))]
    result = figures(rows)
    assert result.own_rows
    assert result.own_rows.n == 25
    assert any("25 of the rows were written by the very model that judges them" in note for note in result.notes)
    assert figures(planted(0)).own_rows is None


def test_of_two_judges_the_useful_one_alone_is_weighed() -> None:
    rows = [
        dataclasses.replace(row, parts=row.parts | {"other": (i * 7 % 11) / 11}) for i, row in enumerate(planted(0))
    ]
    result = calibrate(rows, ["judge", "other"])[1]
    assert {name: one.useful for name, one in result.judges.items()} == {"judge": True, "other": False}
    assert result.weights["judge"] > 0 == result.weights["other"]


def test_rows_that_no_judge_could_read_are_counted() -> None:
    rows = planted(0)
    unread = [
        dataclasses.replace(row, parts=row.parts | {"judge": None}) if i < 30 else row for i, row in enumerate(rows)
    ]
    result = figures(unread)
    assert (result.coverage, result.judges["judge"].coverage) == (0.7, 0.7)
    assert any("judge judge scored 70% of the rows" in note for note in result.notes)


def test_grades_are_split_in_the_middle_and_ranked_as_they_are() -> None:
    """Five grades that follow the judge: the two lower and the middle one count as not accepted."""
    rng = np.random.default_rng(0)
    grades = rng.integers(1, 6, 120)
    rows = [
        Observation(
            parts={"judge": float(grade / 5 + 0.1 * rng.normal())},
            label=float(grade),
            group=str(i),
            length=-float(rng.integers(9)),
            overlap=rng.random(),
        )
        for i, grade in enumerate(grades)
    ]
    result = figures(rows)
    assert result.spearman_low > 0.8
    two = figures([dataclasses.replace(row, label=float(row.label > 3)) for row in rows])
    assert (two.auroc, two.accuracy) == (result.auroc, result.accuracy)
    assert two.spearman < result.spearman


@pytest.mark.parametrize("rows", [[], planted(0, n=6)[:1], [dataclasses.replace(row, label=1.0) for row in planted(0)]])
def test_verdicts_of_one_kind_tell_nothing(rows: list[Observation]) -> None:
    with pytest.raises(ValueError, match=r"accepted and rows that they rejected.*Add some of the other kind"):
        figures(rows)


@pytest.mark.parametrize("of", [lambda row: "one", lambda row: "good" if row.label else f"{row.length}{row.overlap}"])
def test_where_nothing_can_be_held_out_that_is_said_and_no_width_claimed(of: Callable[[Observation], str]) -> None:
    result = figures([dataclasses.replace(row, group=of(row)) for row in planted(0)])
    assert (result.auroc_low, result.auroc_high, result.difference_low, result.difference_high) == (0, 1, -1, 1)
    assert (result.kappa_low, result.ece_low, result.ece_high) == (-1, 0, 1)
    assert any("nothing could be held out" in note for note in result.notes)
    assert result.weights["judge"] == 0


ODD = st.lists(
    st.builds(
        Observation,
        parts=st.fixed_dictionaries(
            {}, optional={name: st.one_of(st.none(), st.floats(-1, 1)) for name in ("judge", "words")}
        ),
        label=st.sampled_from([0.0, 1.0, 3.0]),
        group=st.sampled_from(["a", "b", "c", "d", ""]),
        length=st.integers(-9, 0).map(float),
        overlap=st.floats(0, 1),
        kind=st.sampled_from(["person", "rule"]),
        own=st.booleans(),
    ),
    min_size=2,
    max_size=16,
).filter(lambda rows: len({row.label for row in rows}) > 1)


@settings(max_examples=25, deadline=None)
@given(ODD)
def test_any_verdicts_of_two_kinds_give_figures_in_their_ranges(rows: list[Observation]) -> None:
    result = figures(rows).model_dump()
    for name, least in {"accuracy": 0, "kappa": -1, "auroc": 0, "spearman": -1, "ece": 0, "difference": -1}.items():
        value, low, high = result[name], result[f"{name}_low"], result[f"{name}_high"]
        assert least <= low <= value + 1e-9, name
        assert value - 1e-9 <= high <= 1, name
    assert 0 <= result["coverage"] <= 1
    assert min(result["weights"].values(), default=0) >= 0
