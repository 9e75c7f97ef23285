"""Which of two programs is better, and which ships: paired by source, grouped by document, with an honest word."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.prices import free

from metrics.worth import Worth
from optimize.comparison import Comparison, Gain, compare, gain, paired, standing
from optimize.scoring import Scored
from optimize.shipping import TOLERANCE, Decision, Which, decide, proven
from optimize.splits import even_shares, fold_groups, spread
from programs.core.row import Drop, Source
from programs.qa.grounded_qa import QA
from seedbed.models.call_context import Scope

SIZES = st.lists(st.integers(0, 8), max_size=12)
ENDS = st.floats(-1, 1)


def scored(scores: dict[str, float], *, accepted_from: float = 0.6) -> list[Scored]:
    """One candidate a source; a source `3.b` is of document 3."""
    rows = []
    for id, score in scores.items():
        drop = None if score >= accepted_from else Drop(step="threshold", reason="low score")
        scope = Scope(id)
        scope.tallies["m"].calls, scope.tallies["m"].input_tokens, scope.tallies["m"].seconds = 2, 100, 3.0
        source = Source(id=id, group=id.partition(".")[0], inputs={})
        rows.append(Scored(source, QA(), Worth(score=score, drop=drop), scope))
    return rows


def decided(gain: Gain, asked: Which | None = None) -> Decision:
    """What ships at this gain, of programs that can be read."""
    readable = standing("either", scored({"1": 0.9}), free)
    return decide(Comparison(before=readable, after=readable, difference=gain), asked)


def over(documents: int, *differences: float) -> Gain:
    """The gain when the documents' differences go round these."""
    return gain([differences[n % len(differences)] for n in range(documents)], [str(n) for n in range(documents)])


@pytest.mark.parametrize("documents", [1, 2, 5])
def test_below_six_documents_nothing_is_said_however_large_the_gain(documents: int) -> None:
    for found in (over(documents, 0.9), over(documents, 0.7, 0.9)):
        assert found.verdict == "too few documents to say"
        assert decided(found).ships == "uncompiled"


@pytest.mark.parametrize("documents", [2, 8, 12])
@pytest.mark.parametrize("difference", [-0.3, 0.0, 0.3])
def test_equal_differences_have_the_width_that_so_many_documents_leave_room_for(
    documents: int, difference: float
) -> None:
    others = 1 - 0.025 ** (1 / documents)
    found = over(documents, difference)
    assert found.low == pytest.approx(difference - others * (difference + 1))
    assert found.high == pytest.approx(difference + others * (1 - difference))


@pytest.mark.parametrize("documents", [8, 12, 30])
@pytest.mark.parametrize("difference", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("exception", [1e-12, 1e-6, 1e-4])
def test_a_document_that_hardly_differs_from_the_others_leaves_no_less_room(
    documents: int, difference: float, exception: float
) -> None:
    alike = over(documents, difference)
    nearly = gain([difference] * (documents - 1) + [difference + exception], [str(n) for n in range(documents)])
    assert nearly.low == pytest.approx(alike.low, abs=30 * exception)
    assert nearly.high == pytest.approx(alike.high, abs=30 * exception)
    assert decided(nearly).ships == decided(alike).ships


@pytest.mark.parametrize("documents", [6, 9])
def test_below_ten_documents_the_exact_test_decides_and_is_named(documents: int) -> None:
    found = over(documents, 0.2, 0.3)
    assert found.verdict == "better"
    assert found.p == pytest.approx(2 ** (1 - documents))
    assert "exact sign-flip p" in str(found)
    assert over(documents, -0.2, -0.3).verdict == "worse"


def test_the_exact_test_withholds_what_the_interval_alone_would_claim() -> None:
    found = over(6, 0.4, 0.5, 0.6, 0.5, 0.4, -0.04)
    assert found.low > 0
    assert found.p is not None
    assert found.p >= 0.05
    assert found.verdict == "no measurable difference"


def test_from_ten_documents_on_the_interval_decides() -> None:
    assert over(10, 0.2, 0.3).p is None
    assert over(10, 0.2, 0.3).verdict == "better"
    assert over(12, 0.3, -0.3).verdict == "no measurable difference"


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.integers(1, 15))
def test_a_gain_whose_interval_holds_0_is_never_called_one(differences: list[float], documents: int) -> None:
    found = gain(differences, [str(n % documents) for n in range(len(differences))])
    assert found.mean == pytest.approx(statistics.fmean(differences))
    assert (found.verdict == "better") <= (found.low > 0)
    assert (found.verdict == "worse") <= (found.high < 0)
    assert found.verdict in str(found)


@given(ENDS, ENDS, ENDS)
def test_the_compiled_one_ships_iff_its_mean_is_above_0_and_its_low_end_above_the_tolerance(
    mean: float, low: float, high: float
) -> None:
    found = Gain(mean, low, high, documents=6, p=None, verdict="?")
    assert (decided(found).ships == "compiled") == (mean > 0 and low > -0.02)
    assert proven(found) == (decided(found).ships == "compiled")
    assert TOLERANCE == 0.02


@given(ENDS, ENDS)
def test_what_is_asked_for_ships_whatever_the_figures(mean: float, low: float) -> None:
    found = Gain(mean, low, 1.0, documents=12, p=None, verdict="?")
    for which in ("compiled", "uncompiled"):
        assert decided(found, which).ships == which  # type: ignore[arg-type]
        assert "asked for" in decided(found, which).why  # type: ignore[arg-type]


def test_with_nothing_to_compare_on_the_compiled_one_ships_and_it_is_said() -> None:
    assert decide(None).ships == "compiled"
    assert "nothing was held out" in decide(None).why


def test_differences_are_paired_by_source_in_whatever_order_and_grouped_by_document() -> None:
    before = {f"{document}.{n}": document / 10 for document in range(8) for n in range(3)}
    after = {id: score + 0.1 + 0.2 * (id[0] in "0246") for id, score in before.items()}
    shuffled = scored(after)
    random.Random(0).shuffle(shuffled)
    found = paired(scored(before), shuffled)
    assert (found.documents, found.verdict) == (8, "better")
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.low < 0.2  # scores differ by document, their differences do not


def test_a_comparison_keeps_both_programs_on_each_source() -> None:
    comparison = compare("a", scored({"2.b": 0.7, "1": 0.2}), "b", scored({"1": 0.9, "2.b": 0.5}), free)
    kept = [tuple(pair.model_dump().values()) for pair in comparison.pairs]
    assert kept == [("1", "1", 0.2, 0.9, 0.0, 1.0), ("2.b", "2", 0.7, 0.5, 1.0, 0.0)]
    differences = [pair.metric_after - pair.metric_before for pair in comparison.pairs]
    assert comparison.difference.mean == pytest.approx(statistics.fmean(differences))


def test_a_standing_counts_what_an_accepted_row_took() -> None:
    found = standing("one", scored({"a.1": 0.9, "a.2": 0.1, "b.1": 0.8, "b.2": 0.0}), lambda spent: 0.5)
    assert (found.n, found.documents, found.accepted, found.calls, found.tokens) == (4, 2, 2, 8, 400)
    assert (found.tokens_per_row, found.seconds_per_row, found.dollars_per_row) == (200, 6.0, 1.0)


def test_what_is_not_known_of_a_row_is_none_rather_than_0() -> None:
    nothing = standing("one", scored({"a.1": 0.1}), free)
    assert (nothing.tokens_per_row, nothing.seconds_per_row, nothing.dollars_per_row) == (None, None, None)
    assert standing("one", scored({"a.1": 0.9}), lambda spent: None).dollars is None


def test_a_comparison_survives_its_own_json() -> None:
    rows = {f"{document}.1": 0.5 for document in range(7)}
    found = compare("before", scored(rows), "after", scored(rows), free)
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert found.difference.verdict == "no measurable difference"


@given(SIZES, st.integers(0, 60))
def test_shares_are_as_even_as_the_piles_allow(sizes: list[int], n: int) -> None:
    shares = even_shares(sizes, n)
    assert sum(shares) == min(n, sum(sizes))
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))
    most = max(shares, default=0)
    assert all(share >= most - 1 for share, size in zip(shares, sizes, strict=True) if share < size)


@given(st.lists(st.integers(), max_size=30), st.integers(0, 40))
def test_a_spread_keeps_order_and_number(items: list[int], n: int) -> None:
    numbered = list(enumerate(items))
    assert len(spread(numbered, n)) == min(n, len(items))
    assert spread(numbered, n) == sorted(set(spread(numbered, n)))


@given(st.sets(st.text(max_size=3), max_size=30), st.integers(2, 10), st.randoms(use_true_random=False))
def test_folds_part_the_groups_into_even_folds_in_whatever_order(
    groups: set[str], k: int, order: random.Random
) -> None:
    folds = fold_groups(groups, k)
    assert sorted(name for fold in folds for name in fold) == sorted(groups)
    assert len(folds) == min(k, len(groups))
    assert max(map(len, folds), default=0) - min(map(len, folds), default=0) <= 1
    shuffled = sorted(groups)
    order.shuffle(shuffled)
    assert fold_groups(shuffled, k) == folds
