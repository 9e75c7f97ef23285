"""The worth of a set: laws of each measure, what they say of plain cases, and that memory and order do not matter."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.diversity import SAMPLE, Sample, Variety, distinct, kind, self_rouge_l, variety, vendi
from programs.core.row import Candidate, Exchange, Source
from programs.core.text import rouge_l

WORDS = ["bee", "hive", "honey", "queen", "wax", "smoke", "comb", "drone"]
texts = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=12)


def embed(known: Sequence[str]) -> npt.NDArray[np.float32]:
    """Unit vectors by the words of a text: texts without a common word are orthogonal."""
    counts = np.array([[text.split().count(word) for word in WORDS] for text in known], dtype=np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def vectors(n: int, d: int, seed: int) -> npt.NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def source(name: str, text: str = "bee hive", group: str = "d.md") -> Source:
    return Source(id=name, group=group, inputs={"document": text})


def rows(asked: Sequence[str]) -> list[tuple[Candidate, Source]]:
    return [(Exchange(asked=text, said="wax"), source(f"s{n}")) for n, text in enumerate(asked)]


def measured(asked: Sequence[str], **universe: Any) -> Variety:
    found = variety(rows(asked), embed, **universe)
    assert found
    return found


# Vendi


@given(st.integers(1, 12), st.integers(1, 20), st.integers(0, 99))
def test_vendi_lies_between_one_and_all(n: int, d: int, seed: int) -> None:
    assert 1 <= vendi(vectors(n, d, seed)) <= n


@given(st.integers(1, 20))
def test_vendi_of_orthogonal_rows_is_their_number_and_of_equal_ones_is_one(n: int) -> None:
    assert vendi(np.eye(n, 20, dtype=np.float32)) == pytest.approx(n)
    assert vendi(np.tile(vectors(1, 20, n), (n, 1))) == pytest.approx(1)


@given(st.integers(1, 12), st.integers(1, 20), st.integers(0, 99))
def test_vendi_does_not_depend_on_which_product_is_taken(n: int, d: int, seed: int) -> None:
    kernel = (rows := vectors(n, d, seed).astype(np.float64)) @ rows.T / n
    values = np.linalg.eigvalsh(kernel)
    values = values[values > 1e-12]
    assert vendi(rows.astype(np.float32)) == pytest.approx(np.exp(-(values * np.log(values)).sum()), rel=1e-4)


@given(st.integers(1, 8), st.integers(0, 99), st.integers(2, 5))
def test_saying_everything_again_adds_nothing_to_vendi(n: int, seed: int, times: int) -> None:
    one = vectors(n, 12, seed)
    assert vendi(np.tile(one, (times, 1))) == pytest.approx(vendi(one), rel=1e-4)


@given(st.integers(2, 12), st.integers(0, 11))
def test_a_duplicate_among_unlike_rows_lowers_vendi_a_row(n: int, which: int) -> None:
    one = np.eye(n, dtype=np.float32)
    more = np.vstack([one, one[which % n]])
    assert vendi(more) / (n + 1) < vendi(one) / n


# distinct-n and self-ROUGE-L


@given(texts, st.integers(1, 3))
def test_distinct_is_a_share_and_never_nothing(asked: list[str], n: int) -> None:
    share = distinct(asked, n)
    assert share is None or 0 < share <= 1
    assert (share is None) == all(len(text.split()) < n for text in asked)


@given(texts, st.integers(0, 11))
def test_a_duplicate_never_adds_to_what_is_new(asked: list[str], which: int) -> None:
    again = [*asked, asked[which % len(asked)]]
    for n in (1, 2, 3):
        before, after = distinct(asked, n), distinct(again, n)
        assert before is None or (after is not None and after <= before)
    assert self_rouge_l(again) >= self_rouge_l(asked) - 1e-6


def test_distinct_counts_n_grams() -> None:
    assert distinct(["a b a b"], 1) == 2 / 4
    assert distinct(["a b a b"], 2) == 2 / 3


@given(texts)
def test_self_rouge_l_is_the_mean_of_the_best_rouge_l(asked: list[str]) -> None:
    best = [
        max((rouge_l(one, other) for m, other in enumerate(asked) if m != n), default=0.0)
        for n, one in enumerate(asked)
    ]
    assert self_rouge_l(asked) == pytest.approx(sum(best) / len(best), abs=1e-6)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("What is wax?", "what"),
        ("In which year did it open?", "which"),
        ("Whose bees are these?", "who"),
        ("To whom is the fee paid?", "who"),
        ("How many frames fit?", "how"),
        ("Isn't it closed in May?", "yes-no"),
        ("Can bees swim?", "yes-no"),
        ("According to the text, why do drones leave?", "why"),
        ("Describe a hive.", "other"),
        ("Do the sum, then explain it.", "other"),
        ("What's smoke for?", "what"),
        ("However you smoke them, they fly.", "other"),
    ],
)
def test_a_question_is_known_by_its_first_words(prompt: str, expected: str) -> None:
    assert kind(prompt) == expected


# the whole


@settings(max_examples=30)
@given(texts, st.randoms())
def test_order_changes_nothing(asked: list[str], chance: random.Random) -> None:
    made = rows(asked)
    shuffled = chance.sample(made, len(made))
    assert variety(made, embed, sources=[source("s1")]) == variety(shuffled, embed, sources=[source("s1")])


def test_no_rows_have_no_variety() -> None:
    assert variety([], embed) is None


@given(texts)
def test_kinds_are_shares_of_all(asked: list[str]) -> None:
    assert sum(measured(asked).kinds.values()) == pytest.approx(1)


def test_coverage_counts_chunks_and_documents_that_have_a_row() -> None:
    sources = [source("s0", group="a"), source("s9", group="a"), source("s8", group="b"), source("s1", group="c")]
    made = [(Exchange(asked="bee"), one) for one in (sources[0], sources[0], sources[3])]
    found = variety(made, embed, sources=sources)
    assert found
    assert found.chunks
    assert found.topics
    assert (found.chunks.reached, found.chunks.total, found.chunks.share) == (2, 4, 0.5)
    assert (found.topics.reached, found.topics.total) == (2, 3)


def test_leaves_are_topics_without_chunks() -> None:
    leaf = Source(id="x", group="units", inputs={})
    found = variety([(Exchange(asked="bee"), leaf)], embed, topics=["units", "dates"])
    assert found
    assert (found.chunks, found.radius) == (None, None)
    assert found.topics
    assert (found.topics.reached, found.topics.total) == (1, 2)
    assert "1 of 2 groups" in str(found)


def test_the_radius_is_the_distance_of_the_least_covered_chunk() -> None:
    sources = [source("s0", "bee", "near.md"), source("s1", "bee hive", "far.md")]
    found = measured(["bee"], sources=sources)
    assert found.radius == pytest.approx(1 - 1 / 2**0.5, abs=1e-6)
    assert found.farthest == "far.md"
    assert measured(["bee", "bee hive"], sources=sources).radius == pytest.approx(0, abs=1e-6)


@given(texts, st.sampled_from(WORDS))
def test_a_further_row_never_widens_the_radius(asked: list[str], more: str) -> None:
    sources = [source(f"c{n}", word) for n, word in enumerate(WORDS)]
    before, after = measured(asked, sources=sources).radius, measured([*asked, more], sources=sources).radius
    assert before is not None
    assert after is not None
    assert after <= before + 1e-6


def test_memory_is_flat_and_the_sample_the_same_in_any_order() -> None:
    made = rows([f"bee {n}" for n in range(3 * SAMPLE)])
    one, other = Sample(), Sample()
    for candidate, start in made:
        one.add(candidate, start)
    for candidate, start in reversed(made):
        other.add(candidate, start)
    assert len(one._rows) == SAMPLE
    found = one.variety(embed)
    assert found == other.variety(embed)
    assert found
    assert (found.rows, found.sampled) == (3 * SAMPLE, SAMPLE)


def test_a_sample_speaks_for_the_whole() -> None:
    halves = ["What is a bee like?" if n % 2 else "Keep the hive warm." for n in range(4 * SAMPLE)]
    found = measured(halves)
    assert found.kinds["what"] == pytest.approx(0.5, abs=0.06)


def test_what_a_person_reads_takes_two_lines() -> None:
    said = str(measured(["what is a bee", "how hot is a hive"], sources=[source("s0")])).splitlines()
    assert len(said) == 2
    assert said[0].startswith("variety: distinct-2")
    assert "1 of 1 have a row" in said[1]
