"""What a recipe reads: its project splits sources of any kind by group, and its commands speak of that kind."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import dspy
import numpy as np
import pytest
from support.recipes import BARE, recipe_that, register

from metrics.diversity import Sample
from programs.core.options import PassageOptions
from programs.core.recipe import Reads, Recipe
from programs.core.row import Exchange, Source
from programs.qa.grounded_qa import GroundedQA
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.project.doctor import diagnose
from seedbed.project.project import Project
from seedbed.sources.kinds import KINDS

SEEDS = [
    {"id": f"s{n}", "source": f"label {n}", "document": f"It turned {n}.", "question": f"Why {n}?", "answer": "So."}
    for n in range(8)
]
ROWS = recipe_that(name="of-rows", reads="rows", inputs=("document",))
LABELS = recipe_that(name="of-labels", reads="labels")


def opened(base: Path, recipe: Recipe, **sources: Any) -> Project:
    """A project of this recipe with eight seeds."""
    (base / "seeds.jsonl").write_text("\n".join(map(json.dumps, SEEDS)), encoding="utf-8")
    config = {**BARE, "recipe": recipe.name, "embedder": "scripted/hashed-words", "sources": sources}
    (base / "seedbed.yaml").write_text(json.dumps(config), encoding="utf-8")
    return Project(load_config(base / "seedbed.yaml"), base)


@pytest.fixture
def of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of thirty rows on ten topics."""
    register(monkeypatch, ROWS)
    rows = [{"document": f"Row {n} tells of ferry {n}.", "topic": f"topic {n % 10}"} for n in range(30)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"document": ""}])), encoding="utf-8")
    return opened(tmp_path, ROWS, rows="rows.jsonl", columns={"group": "topic"})


@pytest.fixture
def of_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of sixteen labels."""
    register(monkeypatch, LABELS)
    return opened_labels(tmp_path)


def opened_labels(tmp_path: Path) -> Project:
    labels = {f"label {n}": {"definition": f"It is about {n}."} for n in range(16)}
    (tmp_path / "labels.json").write_text(json.dumps({"task": "topics", "labels": labels}), encoding="utf-8")
    return opened(tmp_path, LABELS, labels="labels.json")


def test_every_kind_has_a_reader_and_words() -> None:
    assert list(KINDS) == list(get_args(Reads))
    assert all(kind.words and kind.units and kind.groups for kind in KINDS.values())


def test_a_recipe_of_rows_names_what_it_needs() -> None:
    with pytest.raises(ValueError, match="must name the inputs"):
        recipe_that(reads="rows")


def test_sources_of_a_group_are_on_one_side(of_rows: Project) -> None:
    project = of_rows
    sources = list(project.inputs.sources)
    held = {source.group for source in sources if project.is_held_out(source.group)}
    groups = {source.group for source in sources}
    assert 0 < len(held) < len(groups)
    assert held == project.held_out & groups
    compared = {source.id for source in project.test_sources()}
    assert compared == {source.id for source in sources if source.group in held}
    assert project.divides


def test_a_seed_is_on_the_side_of_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its text is: the name of a long group is cut in the same way for both."""
    register(monkeypatch, ROWS)
    texts = [f"{'word ' * 500}{n}" for n in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"document": text}) for text in texts), encoding="utf-8")
    project = opened(tmp_path, ROWS, rows="rows.jsonl")
    lines = [seed | {"source": text} for seed, text in zip(SEEDS, texts, strict=True)]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert {project.group(seed) for seed in project.inputs.seeds} == {source.group for source in project.inputs.sources}
    assert {source.inputs["document"] for source in project.test_sources()}.isdisjoint(
        seed.source for seed in project.training_seeds
    )


def test_seeds_are_the_rows_where_none_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, ROWS)
    project = opened(tmp_path, ROWS)
    assert {source.group for source in project.inputs.sources} == {project.group(seed) for seed in project.inputs.seeds}
    assert any("its seeds are the rows" in line for line in project.inputs.said_of_sources())
    held = {id for source in project.test_sources() for id in source.shown}
    assert held == {seed.id for seed in project.test_seeds} != set()


class ListOptions(PassageOptions):
    verbs: str = "lists/verbs.txt"
    nouns: str = "lists/nouns.txt"


class OfLists(GroundedQA):
    options: ListOptions = ListOptions()  # type: ignore[assignment]


def test_lists_are_not_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"program": OfLists, "reads": "lists", "lists": ("verbs", "nouns")}
    recipe = register(monkeypatch, recipe_that(name="of-lists", **lists))
    (tmp_path / "lists").mkdir()
    for name in recipe.lists:
        (tmp_path / "lists" / f"{name}.txt").write_text("one\ntwo\n", encoding="utf-8")
    project = opened(tmp_path, recipe)
    assert [source.inputs["name"] for source in project.inputs.sources] == ["verbs", "nouns"]
    assert not project.held_out & {"verbs", "nouns"}
    assert project.divides


def test_doctor_counts_what_is_read(of_rows: Project) -> None:
    (finding,) = [finding for finding in diagnose(of_rows) if finding.what == "sources"]
    assert finding.said == "30 rows; skipped rows.jsonl#31: its column 'document' is empty"
    assert not of_rows.said_of_seeds()


def test_labels_are_not_split_but_their_seeds_are(of_labels: Project) -> None:
    (finding,) = [finding for finding in diagnose(of_labels) if finding.what == "sources"]
    assert finding.said == "16 labels"
    seeded = {of_labels.group(seed) for seed in of_labels.inputs.seeds}
    assert set() < of_labels.held_out < seeded
    assert of_labels.divides
    assert not of_labels.said_of_seeds()


def test_examples_know_the_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label's definition is in the file of labels and not in the seeds."""

    def examples(seeds: Any, options: Any, sources: Any = ()) -> dict[str, list[dspy.Example]]:
        return {"ask_question": [dspy.Example(document=source.inputs["definition"], group="") for source in sources]}

    register(monkeypatch, dataclasses.replace(LABELS, examples=examples))
    made = opened_labels(tmp_path).examples([])["ask_question"]
    assert [example.document for example in made] == [f"It is about {n}." for n in range(16)]


def test_an_option_that_does_not_fit_the_sources_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def feed(feed_input: Any) -> Any:
        raise ValueError("there is no label 'refnud'")

    register(monkeypatch, dataclasses.replace(LABELS, feed=feed))
    opened_labels(tmp_path)
    (tmp_path / "teacher.py").write_text("def reply(prompt, draw):\n    return 'hm'\n", encoding="utf-8")
    assert main(["preview", "-c", str(tmp_path / "seedbed.yaml"), "--uncompiled"]) == 2
    printed = capsys.readouterr().err
    assert "options: there is no label 'refnud'." in printed
    assert "seedbed recipes of-labels" in printed


def test_what_cannot_be_read_is_no_traceback(
    of_rows: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "x"}\n', encoding="utf-8")
    assert main(["preview", "-c", str(tmp_path / "seedbed.yaml"), "--uncompiled"]) == 2
    printed = capsys.readouterr().err
    assert "rows.jsonl has no column 'document' for document. Its columns are text." in printed
    assert "sources: columns: {document: COLUMN}" in printed


def test_sources_that_no_row_starts_from_are_not_counted() -> None:
    """A feed may make sources of its own of lists, or of seeds."""
    sample = Sample([Source(id="list", group="list", inputs={})], ["seed"])
    sample.add(Exchange(asked="Why?", said="So."), Source(id="made", group="made", inputs={}))
    variety = sample.variety(lambda texts: np.ones((len(texts), 1), np.float32))
    assert variety
    assert (variety.chunks, variety.topics) == (None, None)


@pytest.mark.parametrize("reads", get_args(Reads))
def test_init_writes_a_config_that_fits(reads: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = ("document",) if reads == "rows" else ()
    register(monkeypatch, recipe_that(name="fresh", reads=reads, inputs=inputs, optional_inputs=("answer",)))
    assert main(["init", str(tmp_path / "p"), "--recipe", "fresh"]) == 0
    text = (tmp_path / "p/seedbed.yaml").read_text(encoding="utf-8")
    sources = load_config(tmp_path / "p/seedbed.yaml").sources
    assert (sources.documents is not None) == (reads in ("passages", "windows"))
    assert (tmp_path / "p/documents").is_dir() == (reads in ("passages", "windows"))
    assert (sources.labels is not None) == (reads == "labels")
    assert ("columns: {document: document, answer: answer}" in text) == (reads == "rows")
