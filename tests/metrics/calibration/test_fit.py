"""The fitted metric obeys its laws: it only ever rises with a part, and what says nothing changes nothing."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metrics.calibration.fit import EVIDENCE, JUDGE, LEVEL, RIDGE, RIDGES, Fitted, aim, fit, prior, stated
from metrics.calibration.folds import deal
from metrics.calibration.shipped import BY_EMBEDDING, shipped
from metrics.evidence import PARTS

Parts = dict[str, float | None]
VALUES = st.one_of(st.none(), st.integers(0, 8).map(lambda eighth: eighth / 8))
ROWS = st.lists(st.tuples(VALUES, VALUES, st.booleans()), min_size=4, max_size=20).filter(
    lambda rows: len({good for *_, good in rows}) == 2
)
Rows = list[tuple[float | None, float | None, bool]]


def fitted(rows: Rows, more: Sequence[Parts] | None = None) -> Fitted:
    parts = [{"words": one, "judge": other} | (more[i] if more else {}) for i, (one, other, _) in enumerate(rows)]
    return fit(parts, np.array([good for *_, good in rows]), [str(n) for n in range(len(rows))])


def said(model: Fitted, rows: Rows) -> list[float]:
    return [model.probability({"words": one, "judge": other}) for one, other, _ in rows]


@settings(max_examples=15)
@given(ROWS)
def test_weights_are_never_negative(rows: Rows) -> None:
    assert min(fitted(rows).weights.values()) >= 0


@settings(max_examples=15)
@given(ROWS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_part_is_never_worth_less(rows: Rows, other: float, one: float, more: float) -> None:
    model, (low, high) = fitted(rows), sorted((one, more))
    for raised, kept in (("words", "judge"), ("judge", "words")):
        assert model.probability({raised: low, kept: other}) <= model.probability({raised: high, kept: other})


@settings(max_examples=15)
@given(ROWS, st.one_of(st.none(), st.floats(-1, 1)))
def test_a_constant_part_changes_nothing(rows: Rows, constant: float | None) -> None:
    model = fitted(rows, [{"span": constant}] * len(rows))
    assert model.weights["span"] == 0
    assert said(model, rows) == pytest.approx(said(fitted(rows), rows), abs=1e-4)


@settings(max_examples=15)
@given(ROWS, VALUES)
def test_a_missing_part_counts_as_an_average_one(rows: Rows, other: float | None) -> None:
    model = fitted(rows)
    neutral = model.probability({"words": model.centres["words"], "judge": other})
    assert model.probability({"judge": other}) == pytest.approx(neutral)
    assert model.probability({"words": None, "judge": other}) == pytest.approx(neutral)


@settings(max_examples=15)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: Rows, shuffled: random.Random) -> None:
    mixed = list(rows)
    shuffled.shuffle(mixed)
    one, other = fitted(rows), fitted(mixed)
    assert said(one, rows) == pytest.approx(said(other, rows), abs=1e-4)


@settings(max_examples=15)
@given(ROWS, st.floats(0.01, 100))
def test_the_scale_of_a_part_that_the_shipped_fit_has_not_does_not_matter(rows: Rows, factor: float) -> None:
    scaled: Rows = [(one, None if other is None else other * factor, good) for one, other, good in rows]
    assert said(fitted(scaled), scaled) == pytest.approx(said(fitted(rows), rows), abs=1e-4)


def alike(values: Sequence[float]) -> Fitted:
    """A fit to ten rows that are the more good the higher `gain`, of which they have these values in turn."""
    parts: list[Parts] = [{"gain": values[i % 2], "numbers": 1.0} for i in range(10)]
    return fit(parts, np.array([i % 2 == 1 or i == 0 for i in range(10)]), [str(i) for i in range(10)])


def test_rows_that_happen_to_be_alike_in_a_part_do_not_make_it_count_for_more() -> None:
    ours = shipped().fit
    near, far = alike((0.50, 0.51)), alike((0.40, 0.60))
    assert near.scales["gain"] == far.scales["gain"] == ours.scales["gain"]
    assert near.weights["gain"] == pytest.approx(ours.weights["gain"], abs=0.25)
    step = [model.weights["gain"] * 0.01 / model.scales["gain"] for model in (near, far)]
    assert step[0] < 2 * step[1]


def test_what_another_embedder_gives_is_measured_in_the_deviations_of_its_own_rows() -> None:
    parts: list[Parts] = [{"gain": 0.5 + i / 1000, "words": i / 10} for i in range(10)]
    labels, groups = np.arange(10) > 4, [str(i) for i in range(10)]
    own = fit(parts, labels, groups, towards=aim("another/embedder"))
    assert own.scales["gain"] == pytest.approx(np.std([i / 1000 for i in range(10)]))
    assert own.scales["words"] == shipped().bare.scales["words"]


def test_before_any_verdict_another_embedder_weighs_what_needs_none() -> None:
    ours, other = prior(PARTS), prior(PARTS, "another/embedder")
    assert BY_EMBEDDING & ours.weights.keys()
    assert not BY_EMBEDDING & other.weights.keys()
    assert prior(PARTS, shipped().embedder) == ours


def test_rows_that_count_twice_count_as_two() -> None:
    parts: list[Parts] = [{"judge": value} for value in (0.1, 0.4, 0.6, 0.9)]
    labels = np.array([False, True, False, True])
    twice = fit([*parts, parts[1]], np.append(labels, True), list("abcde"), ridge=2.0)
    counted = fit(parts, labels, list("abcd"), ridge=2.0 * 4 / 5, counts=np.array([1, 2, 1, 1]) * 4 / 5)
    assert twice.weights["judge"] == pytest.approx(counted.weights["judge"], abs=1e-3)


@settings(max_examples=15)
@given(ROWS)
def test_contributions_are_what_the_probability_is_made_of(rows: Rows) -> None:
    model, (one, other, _) = fitted(rows), rows[0]
    parts: Parts = {"words": one, "judge": other}
    logit = model.intercept + sum(model.contributions(parts).values())
    assert model.probability(parts) == pytest.approx(1 / (1 + np.exp(-logit)))


def planted(n: int, slope: float) -> tuple[list[Parts], np.ndarray, list[str]]:
    """Labels drawn with log-odds of `slope` per deviation of one part, and four parts of noise."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, 5))
    good = rng.random(n) < 1 / (1 + np.exp(-slope * values[:, 0]))
    names = ("judge", "words", "relevance", "numbers", "denial")
    return [dict(zip(names, row, strict=True)) for row in values.tolist()], good, [str(i) for i in range(n)]


def test_planted_weights_are_found_again() -> None:
    weights = fit(*planted(2000, 1.5)).weights
    assert weights.pop("judge") == pytest.approx(1.5, abs=0.2)
    assert max(weights.values()) < 0.15


def test_a_part_that_points_the_wrong_way_gets_no_weight() -> None:
    assert fit(*planted(2000, -1.5)).weights["judge"] == 0


def test_a_few_verdicts_leave_the_weights_near_what_is_stated() -> None:
    few, many = (fit(*planted(n, 3.0)).weights["judge"] for n in (12, 190))
    assert JUDGE < few < many


def test_the_ridge_is_stated_under_two_hundred_verdicts_and_chosen_from_then_on() -> None:
    assert fit(*planted(199, 0.0)).ridge == RIDGE
    assert fit(*planted(200, 4.0)).ridge == min(RIDGES)
    assert fit(*planted(200, 4.0), ridge=7.0).ridge == 7.0


def test_where_the_weights_that_ship_are_right_much_ridge_is_chosen() -> None:
    ours, rng = shipped().fit, np.random.default_rng(0)
    names = sorted(ours.weights)
    values = rng.normal(size=(200, len(names)))
    good = rng.random(200) < 1 / (1 + np.exp(-values @ np.array([ours.weights[name] for name in names])))
    scaled = values * [ours.scales[name] for name in names]
    parts: list[Parts] = [dict(zip(names, row, strict=True)) for row in scaled.tolist()]
    assert fit(parts, good, [str(n) for n in range(200)]).ridge > RIDGE


def test_the_threshold_parts_good_from_bad_half_way() -> None:
    parts: list[Parts] = [{"judge": value} for value in (0.1, 0.2, 0.3, 0.7, 0.8)]
    model = fit(parts, np.array([False, False, False, True, True]), list("abcde"))
    below, above = model.probability({"judge": 0.3}), model.probability({"judge": 0.7})
    assert model.threshold == pytest.approx((below + above) / 2)


def test_the_threshold_lets_few_bad_rows_pass_even_where_that_refuses_many_good_ones() -> None:
    values = [k / 100 for k in range(100)]
    good = np.array([k >= 60 or k % 3 == 0 for k in range(100)])  # 20 of the first 60
    good[61:96:5] = False  # seven in forty-seven
    model = fit([{"judge": value} for value in values], good, list(map(str, range(100))))
    accepted = np.array([model.probability({"judge": value}) >= model.threshold for value in values])
    assert accepted[~good].mean() <= LEVEL
    assert accepted[good].sum() == good[60:].sum()  # none that could have passed is refused


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_at_the_threshold_few_bad_rows_pass_or_no_good_one_could(rows: list[tuple[float, bool]]) -> None:
    good = np.array([kind for _, kind in rows])
    assume(len(set(good.tolist())) == 2)
    model = fit([{"judge": value} for value, _ in rows], good, list(map(str, range(len(rows)))))
    scores = np.array([round(model.probability({"judge": value}), 12) for value, _ in rows])
    passed, best = scores >= model.threshold, np.sort(scores[~good])[::-1][int(LEVEL * (~good).sum())]
    assert passed[~good].mean() <= LEVEL or not (scores[good] > best).any()


def test_rows_that_all_look_the_same_are_told_apart_at_one_half() -> None:
    model = fit([{}] * 5, np.array([True, False, True, True, True]), list("abcde"))
    assert (model.threshold, model.probability({})) == (0.5, pytest.approx(0.8, abs=1e-3))


def test_the_prior_is_the_shipped_fit_and_what_is_stated_of_judges() -> None:
    model, ours = prior(["words", "judge of mine"]), shipped().fit
    assert (model.weights["words"], model.weights["judge of mine"]) == (ours.weights["words"], JUDGE)
    assert model.threshold == ours.threshold
    assert model.probability(ours.centres | {"judge of mine": 0.5}) == pytest.approx(model.probability({}))


def test_stated_weights_trust_a_judge_more_than_evidence_and_a_middling_row_half() -> None:
    model = stated(["words", "judge of mine"])
    assert (model.weights["words"], model.weights["judge of mine"]) == (EVIDENCE, JUDGE)
    assert model.probability({"words": 0.5, "judge of mine": 0.5}) == 0.5


GROUPED = st.lists(st.tuples(st.booleans(), st.integers(0, 9).map(str)), min_size=1, max_size=60)


@given(GROUPED)
def test_groups_are_never_split_and_all_folds_have_both_classes(rows: list[tuple[bool, str]]) -> None:
    labels, groups = np.array([good for good, _ in rows]), [group for _, group in rows]
    folds = deal(labels, groups)
    assert all(len({fold for fold, own in zip(folds, groups, strict=True) if own == group}) == 1 for group in groups)
    spread = min(len({group for good, group in rows if good is kind}) for kind in (True, False))
    assert len(set(folds)) == max(1, min(5, spread))
    rare = min((True, False), key=lambda kind: len({group for good, group in rows if good is kind}))
    assert spread < 2 or set(folds[labels == rare]) == set(folds)


@given(GROUPED, st.randoms(use_true_random=False))
def test_rows_in_another_order_are_dealt_alike(rows: list[tuple[bool, str]], shuffled: random.Random) -> None:
    mixed = list(rows)
    shuffled.shuffle(mixed)
    dealt = []
    for some in (rows, mixed):
        groups = [group for _, group in some]
        dealt.append(dict(zip(groups, deal(np.array([good for good, _ in some]), groups), strict=True)))
    assert dealt[0] == dealt[1]


def test_every_fold_gets_its_share_of_a_rare_class() -> None:
    labels = np.arange(100) < 10
    folds = deal(labels, [str(n) for n in range(100)])
    assert [(int(labels[folds == fold].sum()), int((folds == fold).sum())) for fold in range(5)] == [(2, 20)] * 5
