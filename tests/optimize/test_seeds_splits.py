"""Labelled lines with every mistake at once, and splits by group."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize.seeds import BadLines, read_lines
from optimize.splits import deal
from programs.qa.grounded_qa import QASeed

GROUPS = st.lists(st.text(max_size=3), max_size=30, unique=True)
SHARES = st.floats(0.01, 0.99)


def line(id: str, **changes: object) -> str:
    return json.dumps({"id": id, "source": "s.md", "document": "d", "question": "q?", "answer": "a"} | changes)


def problems(tmp_path: Path, *lines: str) -> list[str]:
    """What is wrong with these lines, each `file:line: ...` without the folder."""
    path = tmp_path / "seeds.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadLines) as raised:
        read_lines(path, QASeed.model_validate_json)
    return [problem.removeprefix(f"{tmp_path}/") for problem in raised.value.problems]


def test_good_lines_come_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text(f"{line('b')}\n\n{line('a', answer=None)}\n", encoding="utf-8")
    assert [(seed.id, seed.answer) for seed in read_lines(path, QASeed.model_validate_json)] == [
        ("b", "a"),
        ("a", None),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_bytes(f"\ufeff{line('a')}{ending}{line('b')}{ending}".encode())
    assert [seed.id for seed in read_lines(path, QASeed.model_validate_json)] == ["a", "b"]


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text(json.dumps(json.loads(line("a", document="x\u2028y\x85z")), ensure_ascii=False), encoding="utf-8")
    assert read_lines(path, QASeed.model_validate_json)[0].document == "x\u2028y\x85z"


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, line("a"), '{"id": ')[0].startswith("seeds.jsonl:2: the line: invalid JSON")


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    without = json.dumps({"id": "a", "source": "s", "document": "d", "answer": None})
    assert problems(tmp_path, without) == ["seeds.jsonl:1: question: field required"]


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, line("a", anwser="x")) == [
        "seeds.jsonl:1: no such key here: anwser; leave it out, or mend its name"
    ]


def test_a_doubled_id_names_both_lines(tmp_path: Path) -> None:
    assert problems(tmp_path, line("a"), line("b"), line("a")) == ["seeds.jsonl:3: id: 'a' stands on line 1 already"]


def test_an_empty_text_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, line("a", question=""))[0].startswith("seeds.jsonl:1: question: string should have")


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, line("a"), "not json", line("a"), line("c", document="", question=3))
    assert [problem.split(": ")[:2] for problem in found] == [
        ["seeds.jsonl:2", "the line"],
        ["seeds.jsonl:3", "id"],
        ["seeds.jsonl:4", "document"],
        ["seeds.jsonl:4", "question"],
    ]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_lines_says_so(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["seeds.jsonl:1: the file holds no lines"]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_lines(tmp_path / "seeds.jsonl", QASeed.model_validate_json)


@given(GROUPS, GROUPS, SHARES, st.booleans(), st.randoms(use_true_random=False))
def test_sides_do_not_depend_on_the_order(
    seeded: list[str], bare: list[str], share: float, folds: bool, order: random.Random
) -> None:
    bare = [group for group in bare if group not in seeded]
    held = deal(seeded, bare, share, folds=folds, kept={})
    for groups in (seeded, bare):
        order.shuffle(groups)
    assert deal(seeded, bare, share, folds=folds, kept={}) == held <= {*seeded, *bare}


@given(GROUPS, GROUPS, SHARES)
def test_of_groups_with_labels_some_are_held_out_and_never_all(
    seeded: list[str], bare: list[str], share: float
) -> None:
    bare = [group for group in bare if group not in seeded]
    held = deal(seeded, bare, share, folds=False, kept={})
    assert len(held & set(seeded)) in (range(1, len(seeded)) if len(seeded) > 1 else [0])
    assert not deal(seeded, bare, share, folds=True, kept={}) & set(seeded)


@given(st.sets(st.text(max_size=3), min_size=2, max_size=30), SHARES, st.booleans())
def test_from_two_groups_without_labels_on_both_sides_have_one(groups: set[str], share: float, folds: bool) -> None:
    assert 0 < len(deal([], groups, share, folds=folds, kept={})) < len(groups)


@given(st.sets(st.text(max_size=3), min_size=2, max_size=60), SHARES, st.booleans())
def test_about_the_share_is_held_out(groups: set[str], share: float, folds: bool) -> None:
    wanted = max(2, share * len(groups))
    held = deal([], groups, share, folds=folds, kept={})
    assert abs(len(held) - min(wanted, len(groups) - 1)) <= 0.5


@given(st.sets(st.text(max_size=3), min_size=3, max_size=60), SHARES)
def test_a_third_of_those_held_out_have_labels_at_most(groups: set[str], share: float) -> None:
    """As long as there are others enough."""
    seeded, bare = sorted(groups), [f"{group} bare" for group in range(3 * len(groups))]
    held = deal(seeded, bare, min(share, 0.7), folds=False, kept={})
    assert 3 * len(held.intersection(seeded)) <= len(held) + 2


def test_a_single_group_is_open_where_it_has_labels_and_held_out_where_not() -> None:
    assert deal(["a"], [], 0.5, folds=False, kept={}) == set()
    assert deal([], ["a"], 0.5, folds=False, kept={}) == {"a"}


@given(st.sets(st.text(min_size=1), min_size=3, max_size=30), SHARES, st.booleans())
def test_seeds_of_other_texts_than_the_sources_are_dealt_apart_from_them(
    groups: set[str], share: float, folds: bool
) -> None:
    seeded, bare = {f"seed {name}" for name in groups}, {f"source {name}" for name in groups}
    held = deal(seeded, bare, share, folds=folds, kept={}, apart=True)
    about = max(2, round(share * len(groups)))
    assert len(held & bare) == min(about, len(bare) - 1)
    assert len(held & seeded) == (0 if folds else min(about, len(seeded) - 1))
