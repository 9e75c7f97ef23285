"""What a calibration reports: the promised keys, kinds of verdicts apart, honest notes, a frozen metric unmoved."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planting import figures, planted

from metrics.calibration.calibrate import Observation, calibrate, check

pytestmark = pytest.mark.slow


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
    assert any("the metric is worse than the trivial rule length" in note for note in notes)


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


@settings(max_examples=25)
@given(ODD)
def test_any_verdicts_of_two_kinds_give_figures_in_their_ranges(rows: list[Observation]) -> None:
    result = figures(rows).model_dump()
    for name, least in {"accuracy": 0, "kappa": -1, "auroc": 0, "spearman": -1, "ece": 0, "difference": -1}.items():
        value, low, high = result[name], result[f"{name}_low"], result[f"{name}_high"]
        assert least <= low <= value + 1e-9, name
        assert value - 1e-9 <= high <= 1, name
    assert 0 <= result["coverage"] <= 1
    assert min(result["weights"].values(), default=0) >= 0
