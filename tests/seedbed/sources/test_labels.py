"""Labels: a file of tasks becomes a source a label, and what is wrong with it is said with its line."""

import json
from pathlib import Path

import pytest
from support.recipes import recipe_that, request

from seedbed.errors import UserError
from seedbed.sources.labels import label_tasks, read_labels

TASK = """\
task: What does the writer want?
labels:
  yes:
    definition: The writer agrees.
    examples: [Gladly., 1]
  no:
    definition: The writer refuses.
"""


def written(folder: Path, text: str, name: str = "labels.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problem(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        label_tasks(path)
    assert "{definition: TEXT" in caught.value.hint
    return str(caught.value)


def test_a_label_is_a_source_with_all_that_tells_it_apart(tmp_path: Path) -> None:
    written(tmp_path, TASK)
    sources = read_labels(request(recipe_that(reads="labels"), tmp_path, labels="labels.yaml")).sources
    assert [source.inputs for source in sources] == [
        {
            "task": "What does the writer want?",
            "label": label,
            "definition": definition,
            "examples": examples,
            "labels": ["yes", "no"],
        }
        for label, definition, examples in (
            ("yes", "The writer agrees.", ["Gladly.", "1"]),
            ("no", "The writer refuses.", []),
        )
    ]
    assert [source.group for source in sources] == [f"What does the writer want?/{label}" for label in ("yes", "no")]


def test_yaml_and_json_of_one_content_are_the_same_sources(tmp_path: Path) -> None:
    value = {"task": "T 😀", "labels": {"a": {"definition": "A/B"}, "b": {"definition": "B", "examples": ["x"]}}}
    written(tmp_path, json.dumps([value], indent="\t").replace("/", "\\/"), "l.json")
    written(tmp_path, json.dumps(value, ensure_ascii=False), "l.yaml")
    recipe = recipe_that(reads="labels")
    first, second = (read_labels(request(recipe, tmp_path, labels=name)).sources for name in ("l.json", "l.yaml"))
    assert first == second
    assert len({source.id for source in first}) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TASK.replace("definition: The writer agrees.", "meaning: x"), ":3: labels.yes.definition: field required"),
        (TASK.replace("The writer refuses.", ""), ":7: labels.no.definition: string should have at least 1"),
        (TASK.replace("[Gladly., 1]", "Gladly."), ":5: labels.yes.examples: input should be a valid list"),
        (TASK.replace("  no:\n", "  yes:\n"), ":6: yes: it is there twice"),
        (
            TASK.replace("  no:\n    definition: The writer refuses.\n", ""),
            ":2: labels: dictionary should have at least",
        ),
        (TASK.replace("labels:\n", "labels: [\n"), "labels.yaml:"),
        ("", "the file: "),
        ("just text", "the file: "),
        ("[]", "the file: list should have at least 1 item"),
        ("- {task: a}\n- 3\n", ":2: 1: "),
        ("? {a: b}\n: c\n", "labels.yaml"),
        (f"[{TASK.replace(chr(10), ' ')}", "labels.yaml"),
        ("[" * 100_000, "labels.yaml"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    assert said in problem(written(tmp_path, text))


def test_json_mistakes_have_their_lines_too(tmp_path: Path) -> None:
    assert "l.json:3" in problem(written(tmp_path, '{"task": "a",\n"labels":\n}', "l.json"))
    nameless = '{"task": "a",\n\t"labels": {"x": {"definition": "d"},\n\t\t"y": {"definition": 3}}}'
    assert "l.json:3: labels.y.definition" in problem(written(tmp_path, nameless, "l.json"))
    problem(written(tmp_path, '{"task": "\\ud800", "labels": {"x": {"definition": "d"}}}', "l.json"))


def test_a_task_is_there_once(tmp_path: Path) -> None:
    task = json.dumps({"task": "a", "labels": {"x": {"definition": "d"}, "y": {"definition": "e"}}})
    assert "'a' is there more than once" in problem(written(tmp_path, f"[{task}, {task}]"))


def test_a_file_that_is_not_there_or_not_named_is_said(tmp_path: Path) -> None:
    recipe = recipe_that(reads="labels")
    with pytest.raises(UserError, match=r"sources\.labels names none"):
        read_labels(request(recipe, tmp_path))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_labels(request(recipe, tmp_path, labels="labels.yaml"))
    (tmp_path / "labels.yaml").write_bytes(b"\x00\xff\x00\x01")
    with pytest.raises(UserError, match="binary"):
        read_labels(request(recipe, tmp_path, labels="labels.yaml"))
