"""Labelled lines with every mistake at once, and splits by group."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize.seeds import BadLines, read_lines
from optimize.splits import split_groups
from programs.grounded_qa import QASeed

GROUPS = st.lists(st.text(max_size=3), max_size=30)
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
    assert problems(tmp_path, line("a", anwser="x")) == ["seeds.jsonl:1: anwser: extra inputs are not permitted"]


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


@given(GROUPS, SHARES, st.integers())
def test_sides_are_disjoint(groups: list[str], share: float, seed: int) -> None:
    kept, held = split_groups(groups, share, seed)
    assert not set(kept) & set(held)


@given(GROUPS, SHARES, st.integers())
def test_sides_cover_every_group_once(groups: list[str], share: float, seed: int) -> None:
    kept, held = split_groups(groups, share, seed)
    assert sorted(kept + held) == sorted(set(groups))


@given(GROUPS, SHARES, st.integers(), st.randoms(use_true_random=False))
def test_sides_do_not_depend_on_the_order(groups: list[str], share: float, seed: int, order: random.Random) -> None:
    shuffled = groups + groups[:3]
    order.shuffle(shuffled)
    assert split_groups(groups, share, seed) == split_groups(shuffled, share, seed)


@given(st.sets(st.text(max_size=3), min_size=2, max_size=30), SHARES)
def test_from_two_groups_on_both_sides_have_one(groups: set[str], share: float) -> None:
    assert all(split_groups(groups, share))


@given(st.sets(st.integers(), min_size=2, max_size=60), SHARES)
def test_about_the_share_is_held_out(groups: set[int], share: float) -> None:
    _, held = split_groups(groups, share)
    assert abs(len(held) - share * len(groups)) <= 1


def test_a_single_group_is_kept() -> None:
    assert split_groups(["a", "a"], 0.5) == (["a"], [])


def test_another_seed_holds_out_others() -> None:
    sides = {tuple(split_groups(range(20), 0.5, seed)[1]) for seed in range(5)}
    assert len(sides) == 5
