"""Measures obey their definitions, and intervals cover the truth about as often as they say."""

import itertools
import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, spearmanr

from metrics.calibration.agreement import accuracy, auroc, calibration_error, kappa, spearman
from metrics.calibration.intervals import (
    Statistic,
    bootstrap,
    grouped_interval,
    plain,
    resample,
    share_interval,
    sign_flip,
)

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans(), st.integers(0, 2), st.integers(0, 3)),
    min_size=2,
    max_size=20,
)
Rows = list[tuple[float, bool, int, int]]


def columns(rows: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    scores, labels, folds, _ = zip(*rows, strict=True)
    return np.array(scores), np.array(labels), np.array(folds)


def measures(rows: Rows) -> list[Statistic]:
    scores, labels, folds = columns(rows)
    said = scores > 0.3
    return [auroc(scores, labels, folds), accuracy(said, labels), kappa(said, labels), spearman(scores, folds * 1.0)]


@given(ROWS)
def test_a_row_of_weight_k_counts_as_k_rows(rows: Rows) -> None:
    drawn = [row for row in rows for _ in range(row[3])]
    if not drawn:
        return
    weights = np.array([[row[3] for row in rows]], dtype=float)
    with np.errstate(invalid="ignore"):
        weighted = [float(measure(weights)[0]) for measure in measures(rows)]
    repeated = [plain(measure, len(drawn)) for measure in measures(drawn)]
    assert weighted == pytest.approx(repeated, nan_ok=True, abs=1e-9)


@given(ROWS)
def test_auroc_compares_rows_of_one_fold_only(rows: Rows) -> None:
    pairs = [(a[0], b[0]) for a in rows for b in rows if a[1] and not b[1] and a[2] == b[2]]
    expected = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs) if pairs else float("nan")
    assert plain(auroc(*columns(rows)), len(rows)) == pytest.approx(expected, nan_ok=True)


@given(ROWS)
def test_spearman_shares_ranks_between_ties(rows: Rows) -> None:
    scores, _, grades = columns(rows)
    alike = len(set(scores)) == 1 or len(set(grades)) == 1
    expected = 0.0 if alike else spearmanr(scores, grades).statistic
    assert plain(spearman(scores, grades.astype(float)), len(rows)) == pytest.approx(expected, abs=1e-9)


def test_kappa_of_cohens_kind() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: 70% agreed, 50% by chance."""
    ours = np.repeat([True, True, False, False], [20, 5, 10, 15])
    theirs = np.repeat([True, False, True, False], [20, 5, 10, 15])
    assert plain(kappa(ours, theirs), 50) == pytest.approx(0.4)
    assert plain(accuracy(ours, theirs), 50) == pytest.approx(0.7)


def test_calibration_error_is_the_mean_gap_of_ten_bins() -> None:
    said, labels = np.repeat([0.25, 0.85, 1.0], [4, 4, 2]), np.array([1, 0, 0, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
    found = calibration_error(said, labels, [str(n) for n in range(10)])
    assert found.mean == pytest.approx(0.4 * 0 + 0.4 * 0.10)
    assert found.low == 0.0


def test_calibrated_probabilities_are_not_said_to_be_off() -> None:
    rng, clear = np.random.default_rng(0), 0
    for _ in range(40):
        said = rng.random(120)
        interval = calibration_error(said, rng.random(120) < said, [str(n % 40) for n in range(120)])
        clear += interval.low > 0
        assert interval.low <= interval.mean <= interval.high
    assert clear <= 6


def test_probabilities_that_are_off_are_said_to_be() -> None:
    rng = np.random.default_rng(0)
    said = np.repeat([0.1, 0.9], 100)
    interval = calibration_error(said, rng.random(200) < 0.5, [str(n) for n in range(200)])
    assert interval.low < 0.4 < interval.high
    assert interval.low > 0.2


def test_one_group_leaves_the_whole_span() -> None:
    scores, labels = np.array([0.1, 0.9, 0.4]), np.array([False, True, True])
    assert bootstrap(auroc(scores, labels), ["a"] * 3).low == 0.0
    spread = bootstrap(kappa(scores > 0.5, labels), ["a"] * 3, span=(-1, 1))
    assert (spread.low, spread.high) == (-1.0, 1.0)


def test_a_class_found_in_one_group_leaves_the_whole_span() -> None:
    scores, labels = np.array([0.1, 0.9, 0.4, 0.8]), np.array([False, True, True, True])
    interval = bootstrap(auroc(scores, labels), ["a", "b", "c", "d"], labels)
    assert (interval.mean, interval.low, interval.high) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(("groups", "low"), [(4, 0.398), (30, 0.884)])
def test_a_perfect_score_is_worth_what_so_many_groups_can_show(groups: int, low: float) -> None:
    """0.025 ** (1 / groups), the Clopper-Pearson bound."""
    labels = np.tile([True, False], groups)
    interval = bootstrap(auroc(labels.astype(float), labels), [str(n // 2) for n in range(2 * groups)], labels)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-3), 1.0)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    scores, labels, groups = rng.random(60), rng.random(60) < 0.5, np.array([f"d{n % 13}" for n in range(60)])
    mixed = rng.permutation(60)
    one = bootstrap(auroc(scores, labels), list(groups), labels)
    assert one == bootstrap(auroc(scores[mixed], labels[mixed]), list(groups[mixed]), labels[mixed])


def test_ten_thousand_rows_are_resampled_in_little_memory() -> None:
    rng = np.random.default_rng(0)
    statistic = auroc(rng.random(10_000), rng.random(10_000) < 0.5)
    tracemalloc.start()
    drawn = resample(statistic, [str(n % 500) for n in range(10_000)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.shape == (2000,)
    assert peak < 150e6


def binormal(
    area: float, n: int, documents: int | None, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], list[str]]:
    """Scores of a known AUROC, labels and documents; rows of one document share 0.3 of the scores' variance."""
    group = np.arange(n) % (documents or n)
    labels = rng.random(n) < 0.5
    shift = np.sqrt(2) * norm.ppf(area)
    noise = np.sqrt(0.3) * rng.normal(size=n)[group] + np.sqrt(0.7) * rng.normal(size=n)
    return shift * labels + noise, labels, [f"d{g}" for g in group]


def coverage(area: float, n: int, documents: int | None, repeats: int) -> float:
    """How often the interval of the AUROC holds the planted one. 500 repeats were measured: see `bootstrap`."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(repeats):
        scores, labels, groups = binormal(area, n, documents, rng)
        interval = bootstrap(auroc(scores, labels), groups, labels, resamples=500)
        held += interval.low <= area <= interval.high
    return held / repeats


@pytest.mark.parametrize(
    ("area", "n", "documents"), [*itertools.product([0.5, 0.65, 0.8, 0.95], [100], [None, 20]), (0.95, 40, 10)]
)
def test_an_interval_covers_the_planted_auroc(area: float, n: int, documents: int | None) -> None:
    """Of 100, 95 on average; fewer than 88 would come by chance once in 250 times."""
    assert coverage(area, n, documents, 100) >= 0.88


def test_rows_of_one_document_that_were_taken_for_independent_would_cover_less() -> None:
    """So the test above can fail: what varies from document to document is then not seen."""
    rng, held = np.random.default_rng(0), [0, 0]
    for _ in range(60):
        good = np.repeat(rng.random(20) < 0.5, 10)
        scores = good + np.repeat(rng.normal(size=20), 10) + 0.5 * rng.normal(size=200)
        truth = float(norm.cdf(1 / np.sqrt(2 * 1.25)))
        for i, size in enumerate((10, 1)):
            interval = bootstrap(auroc(scores, good), [str(n // size) for n in range(200)], good, resamples=300)
            held[i] += interval.low <= truth <= interval.high
    assert held[0] >= 50
    assert held[1] <= 40


@pytest.mark.parametrize("documents", [6, 20])
def test_a_mean_over_few_documents_is_covered(documents: int) -> None:
    rng, held = np.random.default_rng(0), 0
    groups = [str(n // 4) for n in range(4 * documents)]
    for _ in range(150):
        values = np.repeat(rng.normal(0.1, 0.2, documents), 4) + rng.normal(0, 0.1, 4 * documents)
        interval = grouped_interval(list(values), groups)
        held += interval.low <= 0.1 <= interval.high
    assert held >= 134


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_rare_difference_over_few_documents_is_covered(noise: float) -> None:
    """Acceptance of 3% against 8% over 12 documents of 2 passages: in one of 15 tries no passage differs, or by no more
    than noise. An interval that holds the truth in 95 of 100 tries falls below the bound once in a hundred tests."""
    rng, held = np.random.default_rng(0), 0
    groups = [str(n // 2) for n in range(24)]
    for _ in range(200):
        differences = (rng.random(24) < 0.08).astype(float) - (rng.random(24) < 0.03)
        interval = grouped_interval(list(differences + noise * rng.normal(size=24)), groups)
        held += interval.low <= 0.05 <= interval.high
    assert held >= binom.ppf(0.01, 200, 0.95)


@pytest.mark.parametrize("documents", [6, 12, 40])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_share_that_is_hardly_off_an_end_is_no_surer_than_one_at_it(documents: int, end: float) -> None:
    groups = [str(n) for n in range(documents)]
    at_it, near = (share_interval([end] * (documents - 1) + [abs(end - off)], groups) for off in (0.0, 1e-4))
    assert (near.low, near.high) == pytest.approx((at_it.low, at_it.high), abs=0.005)


def test_one_pair_of_rows_in_the_wrong_order_leaves_a_score_no_surer_than_none() -> None:
    """An AUROC of 1 over 30 documents, and one that a single pair of 900 keeps from it."""
    labels = np.tile([True, False], 30)
    scores = labels + np.linspace(0, 0.5, 60)
    groups = [str(n // 2) for n in range(60)]
    perfect = bootstrap(auroc(scores, labels), groups, labels)
    scores[0] = 0.49  # of the good rows the lowest; of the bad ones the highest stands at 0.5, the next at 0.483
    nearly = bootstrap(auroc(scores, labels), groups, labels)
    assert 0.995 < nearly.mean < 1
    assert nearly.low < perfect.low + 0.05


def test_documents_that_differ_are_taken_at_their_own_spread() -> None:
    """So the floor is one: spread as a real gain is, nothing is added."""
    rng = np.random.default_rng(0)
    values, groups = list(rng.normal(0.27, 0.18, 12)), [str(n) for n in range(12)]
    interval = grouped_interval(values, groups)
    assert interval.high - interval.low < 0.3
    assert interval.low > 0.1


MEANS = st.lists(st.integers(-5, 5), min_size=1, max_size=9)


@given(MEANS)
def test_the_sign_flip_test_counts_every_way_of_setting_the_signs(means: list[int]) -> None:
    signs = np.array(list(itertools.product([-1, 1], repeat=len(means))))
    flips = np.abs(signs @ means)
    expected = np.mean(flips >= abs(sum(means)))
    assert sign_flip([mean / 10 for mean in means]) == pytest.approx(expected)


@given(MEANS)
def test_the_sign_flip_test_takes_no_side(means: list[int]) -> None:
    assert sign_flip(means) == sign_flip([-mean for mean in means])


def test_six_documents_are_the_fewest_that_can_show_a_difference() -> None:
    assert [sign_flip([0.1 * n for n in range(1, size + 1)]) for size in (5, 6)] == [0.0625, 0.03125]


def test_the_sign_flip_test_is_right_about_nothing_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    assert np.mean([sign_flip(rng.normal(size=9)) < 0.05 for _ in range(400)]) <= 0.08


def test_too_many_signs_are_refused() -> None:
    with pytest.raises(ValueError, match="20 means"):
        sign_flip([0.1] * 21)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), min_size=2, max_size=20))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    pairs = [(g, b) for g, good in rows if good for b, bad in rows if not bad]
    found = plain(auroc(np.array([score for score, _ in rows]), np.array([label for _, label in rows])), len(rows))
    expected = sum((g > b) + 0.5 * (g == b) for g, b in pairs) / len(pairs) if pairs else float("nan")
    assert found == pytest.approx(expected, nan_ok=True)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(1), 0
    groups = [str(n // 4) for n in range(80)]
    for _ in range(40):
        interval = grouped_interval(list(np.repeat(rng.normal(0.5, 0.2, 20), 4) + rng.normal(0, 0.1, 80)), groups)
        covered += interval.low <= 0.5 <= interval.high
    assert covered >= 34


def test_rows_of_one_group_count_as_one_observation() -> None:
    values = [0.0, 1.0, 0.0, 1.0] * 20
    alone, together = ([str(n) for n in range(80)], [str(n % 4) for n in range(80)])
    widths = [(i := grouped_interval(values, groups)).high - i.low for groups in (together, alone)]
    assert widths[0] > 2 * widths[1]


def test_one_group_gives_the_widest_interval() -> None:
    interval = grouped_interval([0.2, 0.4], ["a", "a"])
    assert (interval.mean, interval.low, interval.high) == (pytest.approx(0.3), -1.0, 1.0)
