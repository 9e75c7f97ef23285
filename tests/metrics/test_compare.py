"""Comparators: in [0, 1], 1 for the label itself, and what each of them counts as near."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support.bags import embed

from metrics.compare import COMPARATORS, ON_TEXTS, compare
from programs.core.embedding import Vectors

Grades = Literal[1, 2, 3, 4, 5]
TEXTS = st.lists(st.sampled_from(["kettle", "water", "lamp", "litres", "lit"]), min_size=1, max_size=5).map(" ".join)
NAMES = st.lists(st.sampled_from("abcde"), max_size=5)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "like": TEXTS,
    "near": TEXTS,
    "same": st.text(max_size=5) | st.booleans(),
    "grade": st.integers(1, 5),
    "answer": st.fractions(max_denominator=50).map(str) | st.sampled_from([r"\frac{3}{4}", "3/4", "10^2", "100", "x"]),
    "steps": st.lists(st.sampled_from([-1, 0, 1]), max_size=5),
    "calls": st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from("ab"), "arguments": st.dictionaries(st.sampled_from("xy"), TEXTS)}
        ),
        max_size=3,
    ),
    "order": st.permutations("abcd"),
    "members": NAMES,
}


def compared(comparator: str, output: Any, label: Any, annotation: Any = Grades) -> float:
    return asyncio.run(compare(comparator, output, label, embed=embed, annotation=annotation))


def test_every_comparator_is_held_to_the_laws() -> None:
    assert VALUES.keys() == COMPARATORS.keys()


@pytest.mark.parametrize("comparator", COMPARATORS)
@given(data=st.data())
def test_a_likeness_is_in_the_unit_interval_symmetric_and_1_for_the_label(comparator: str, data: st.DataObject) -> None:
    output, label = data.draw(VALUES[comparator]), data.draw(VALUES[comparator])
    likeness = compared(comparator, output, label)
    assert 0 <= likeness <= 1 + 1e-6
    assert likeness == pytest.approx(compared(comparator, label, output))
    assert compared(comparator, label, label) == pytest.approx(1)


def test_an_unknown_comparator_is_an_error() -> None:
    with pytest.raises(KeyError, match="nearly"):
        compared("nearly", "a", "a")


def test_only_texts_are_embedded_both_in_one_call() -> None:
    calls = list[Sequence[str]]()

    def listening(texts: Sequence[str]) -> Vectors:
        calls.append(list(texts))
        return embed(texts)

    for comparator in COMPARATORS:
        output, label = (1, 2) if comparator == "grade" else (["a"], ["b"]) if comparator == "steps" else ("", "")
        asyncio.run(compare(comparator, output, label, embed=listening, annotation=Grades))
    assert calls == [["", ""]] * len(ON_TEXTS)


def test_texts_that_mean_the_same_are_near_and_only_with_the_same_words_alike() -> None:
    label = "The kettle holds water."
    assert compared("near", "Water holds the kettle.", label) == pytest.approx(1)
    assert compared("like", "Water holds the kettle.", label) == pytest.approx(1)  # F1 counts words in any order
    longer = "The kettle holds water and a lamp."
    cosine, f1 = 3 / (3 * 4) ** 0.5, 2 * 3 / (3 + 5)  # F1 counts `and`, the vectors do not; neither counts articles
    assert compared("near", longer, label) == pytest.approx(cosine, abs=1e-3)
    assert compared("like", longer, label) == pytest.approx((cosine * f1) ** 0.5, abs=1e-3)
    assert compared("like", "A lamp was lit.", label) == 0


def test_classes_are_the_same_whatever_their_case_and_blanks() -> None:
    assert compared("same", " Positive\n", "positive") == compared("same", "ＹＥＳ", "yes") == 1
    assert compared("same", True, "true") == 1
    assert compared("same", "positive", "positives") == 0


@pytest.mark.parametrize(("output", "label", "likeness"), [(1, 5, 0), (2, 3, 0.75), (5, 3, 0.5), ("4", 5, 0.75)])
def test_a_grade_is_as_near_as_its_share_of_the_range(output: Any, label: int, likeness: float) -> None:
    assert compared("grade", output, label) == likeness
    assert compared("grade", 0, 3, Literal[3, 0, 1]) == 0


@pytest.mark.parametrize(
    ("output", "label", "likeness"),
    [
        ("3 + 4 = 7, so the answer is 7.", "7", 1),
        ("3 + 4 = 7, so the answer is 7.", "8", 0),
        (r"Thus \boxed{0.75}", r"\frac{3}{4}", 1),
        (r"\frac{3}{4}", "4", 0),
        ("3 1/2", "3 1/2", 1),
        (1250, "$1,250", 1),
        ("12 pieces", "12", 1),
        ("Paris", "paris", 1),
        ("Paris", "London", 0),
        ("", "5", 0),
        ("9" * 400, "5", 0),
    ],
)
def test_an_answer_is_right_if_its_value_is(output: Any, label: str, likeness: float) -> None:
    assert compared("answer", output, label) == likeness


@pytest.mark.parametrize(
    ("outputs", "labels", "likeness"),
    [
        ([1, 1, -1], [1, 1, -1], 1),
        ([1, 0, 1], [1, -1, 1], (2 / 3 + 1) / 2),  # a neutral step is not positive
        ([1, 1, -1], [1, -1, -1], (2 / 3 + 0) / 2),
        ([-1, 1], [1, 1], (1 / 2 + 0) / 2),
        ([True, False], [True, False], 1),
        ([True, True], [True, False], 0.25),
        ([1], [1, -1], (1 / 2 + 0) / 2),  # the error was not reached
        ([1, 1], [1, 1, 1], (2 / 3 + 1) / 2),
        ([], [-1, 1], 0),
        ([1], [], 0),
        ([], [], 1),
    ],
)
def test_half_of_steps_is_where_the_first_error_is(outputs: list[Any], labels: list[Any], likeness: float) -> None:
    assert compared("steps", outputs, labels) == pytest.approx(likeness)


class Call(BaseModel):
    name: str
    arguments: dict[str, Any]


def test_calls_are_a_set_of_names_with_their_arguments() -> None:
    boil, fill = {"name": "boil", "arguments": {"a": 1, "b": [2]}}, {"name": "fill", "arguments": {}}
    again = Call(name="boil", arguments={"b": [2], "a": 1})
    assert compared("calls", [fill, again], [boil, fill]) == 1
    assert compared("calls", [boil], [boil, fill]) == pytest.approx(2 / 3)
    assert compared("calls", [boil, boil], [boil]) == 1
    assert compared("calls", [{"name": "boil", "arguments": {"a": 1, "b": [3]}}], [boil]) == 0
    assert compared("calls", [{**boil, "name": "fill"}], [boil]) == 0


@given(st.permutations("abcde"))
def test_the_reverse_of_a_ranking_is_worth_nothing(ranking: Sequence[str]) -> None:
    assert compared("order", ranking, ranking) == 1
    assert compared("order", ranking[::-1], ranking) == 0


@pytest.mark.parametrize(
    ("outputs", "labels", "likeness"),
    [
        ("acb", "abc", 2 / 3),
        ("a", "abc", 2.5 / 3),  # a before both, which are tied
        ("", "abc", 0.5),
        ("xyabc", "abc", 1),
        ("bxa", "ab", 0),
        ("a", "a", 1),
        ("b", "a", 0),
        ("", "", 1),
    ],
)
def test_items_that_a_ranking_lacks_come_last(outputs: str, labels: str, likeness: float) -> None:
    assert compared("order", list(outputs), list(labels)) == pytest.approx(likeness)


def test_members_are_compared_whatever_their_case_and_order() -> None:
    assert compared("members", ["Lamp ", "kettle"], ["KETTLE", "lamp"]) == 1
    assert compared("members", ["lamp", "lamp"], ["lamp", "kettle"]) == pytest.approx(2 / 3)
    assert compared("members", [], ["lamp"]) == compared("members", ["lamp"], []) == 0
    assert compared("members", [], []) == 1
