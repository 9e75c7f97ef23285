"""Seeds in the shapes in which people have them: read, or each mistake said once."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.recipes import BARE

from optimize.seeds import BadLines, read_lines
from programs.qa.grounded_qa import QASeed
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.project.inputs import Inputs

SEEDS = [
    {
        "id": f"s{n}",
        "source": "a.txt",
        "document": f"Mill {n} turns.",
        "question": "What\nturns?",
        "answer": f"mill {n}",
    }
    for n in range(1, 5)
]


def problems(path: Path) -> list[str]:
    with pytest.raises(BadLines) as raised:
        read_lines(path, QASeed.model_validate_json)
    return raised.value.problems


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "seeds.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SEEDS, indent=2),
        json.dumps(SEEDS),
        "\ufeff\n" + json.dumps(SEEDS, indent=2) + "\n\n",
        "\n".join(json.dumps(seed, indent=1) for seed in SEEDS),
        "\n".join(json.dumps(seed) for seed in SEEDS),
        "\n".join(json.dumps([seed]) for seed in SEEDS),
    ],
    ids=["an array", "an array on one line", "with a mark", "objects over several lines", "lines", "many arrays"],
)
def test_seeds_are_read_in_every_shape_of_json(tmp_path: Path, text: str) -> None:
    seeds = read_lines(file(tmp_path, text), QASeed.model_validate_json)
    assert [seed.model_dump() for seed in seeds] == SEEDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps(SEEDS, indent=2)[:-3], "this begins as a JSON array and breaks off"),
        (json.dumps(SEEDS[0], indent=2)[:-3], "this begins as an object over several lines and breaks off"),
        (json.dumps({"seeds": SEEDS}, indent=1), "this is one object, with a list under 'seeds'"),
        ("[1, 2", "write one object a line"),
        ("[]", "the file holds no lines"),
    ],
)
def test_a_file_of_another_shape_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    (problem,) = problems(file(tmp_path, text))
    assert words in problem


def test_further_keys_are_named_once(tmp_path: Path) -> None:
    text = "\n".join(json.dumps({**seed, "notes": {"by": "me"}, "split": "train"}) for seed in SEEDS)
    (problem,) = problems(file(tmp_path, text))
    assert problem.endswith(
        "seeds.jsonl:1: no such key here: notes, split; leave it out, or mend its name (and on 3 more lines)"
    )


@pytest.mark.parametrize(("key", "value"), [("id", 1), ("answer", ["a"]), ("question", None)])
def test_one_mistake_on_many_lines_is_said_once(tmp_path: Path, key: str, value: Any) -> None:
    text = "\n".join(json.dumps({**seed, key: value}) for seed in SEEDS)
    (problem,) = problems(file(tmp_path, text))
    assert f":1: {key}: " in problem
    assert problem.endswith("(and on 3 more lines)")


def test_each_item_of_an_array_is_told_by_its_number(tmp_path: Path) -> None:
    (problem,) = problems(file(tmp_path, json.dumps([*SEEDS[:2], {**SEEDS[2], "answer": 42}])))
    assert ":3: answer: " in problem


def inputs(base: Path, **keys: object) -> Inputs:
    return Inputs(Config.model_validate(BARE | {"recipe": "grounded-qa"} | keys), base)


def write(path: Path, seeds: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(map(json.dumps, seeds)), encoding="utf-8")


def test_seeds_may_lie_in_several_files_and_a_glob_may_fit_none_yet(tmp_path: Path) -> None:
    write(tmp_path / "seeds.jsonl", SEEDS)
    names = ["seeds.jsonl", "reviewed/*.seeds.jsonl"]
    assert [seed.id for seed in inputs(tmp_path, seeds=names).seeds] == ["s1", "s2", "s3", "s4"]
    write(tmp_path / "reviewed" / "b.seeds.jsonl", [SEEDS[0] | {"id": "s6"}])
    write(tmp_path / "reviewed" / "a.seeds.jsonl", [SEEDS[0] | {"id": "s5"}])
    assert [seed.id for seed in inputs(tmp_path, seeds=names).seeds] == ["s1", "s2", "s3", "s4", "s5", "s6"]


def test_two_files_with_one_id_are_both_named(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", SEEDS)
    write(tmp_path / "b.jsonl", SEEDS[2:3])
    with pytest.raises(UserError, match=r"seeds: a\.jsonl and b\.jsonl have the same id 's3'"):
        _ = inputs(tmp_path, seeds=["a.jsonl", "b.jsonl"]).seeds


def test_a_missing_file_is_named_and_not_taken_for_a_glob_that_fits_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent\.jsonl"):
        _ = inputs(tmp_path, verdicts=["absent.jsonl"]).verdicts
    assert inputs(tmp_path).verdicts == []
