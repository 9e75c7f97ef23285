"""Chains: a run starts from the accepted rows of another, without those that a person called bad."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.projects import project, run
from support.projects import rows as rows_of
from support.recipes import recipe_that, register, request

from seedbed.config.load import load_config
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.review.label import rows_to_label
from seedbed.sources.rows import read_rows

RECIPE = recipe_that(name="again", reads="rows", inputs=("question",), optional_inputs=("answer", "prompt", "response"))


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = project(tmp_path_factory.mktemp("chain") / "project")
    quick = ["embedder=scripted/hashed-words", "verdicts=null", "gates.judges=[]", "gates.relevance=-1"]
    sets = [word for override in quick for word in ("--set", override)]
    assert run(base, base / "ds", "--uncompiled", "--rows", "6", *sets) == 0
    return base


@pytest.fixture
def base(_made: Path, tmp_path: Path) -> Path:
    """A project with a run of six rows in its folder `ds`."""
    return shutil.copytree(_made, tmp_path / "project")


def error_of(base: Path, rows: str, **columns: str) -> str:
    with pytest.raises(UserError) as caught:
        read_rows(request(RECIPE, base, rows=rows, columns=columns))
    assert caught.value.hint
    return str(caught.value)


def test_a_runs_rows_are_read_with_their_documents_and_ids(base: Path) -> None:
    columns = {"prompt": "prompt", "response": "response"}
    rows, sources = rows_of(base / "ds"), read_rows(request(RECIPE, base, rows="ds", columns=columns)).sources
    assert len(sources) == len(rows) == 6
    for row, source in zip(rows, sources, strict=True):
        assert source.inputs["question"] == row["question"]
        lineage: Any = row["lineage"]
        assert source.group == lineage["group"] == lineage["spans"][0]["document"]
        assert source.origin["spans"] == lineage["spans"]
        assert (source.origin["row"], source.origin["parents"]) == (row["id"], [row["id"]])
        messages: Any = row["messages"]
        assert source.inputs["prompt"] == messages[0]["content"]
        assert source.inputs["response"] == messages[-1]["content"]


@pytest.mark.parametrize("place", ["verdicts.jsonl", "ds/verdicts.jsonl"])
def test_rows_that_a_person_refused_are_left_out(base: Path, place: str) -> None:
    cases = [asked.case for asked in rows_to_label(base / "ds", base / place)]
    accepted = {row["question"] for row in rows_of(base / "ds")}
    verdicts = [case.model_copy(update={"label": float(case.question not in list(accepted)[:2])}) for case in cases]
    (base / place).write_text("\n".join(case.model_dump_json() for case in verdicts), encoding="utf-8")
    made = read_rows(request(RECIPE, base, rows="ds"))
    assert {source.inputs["question"] for source in made.sources} == set(list(accepted)[2:])
    assert [group["why"] for group in made.skipped.report()] == ["a person's verdict on it is no"]
    assert made.skipped.count == 2


def test_what_is_no_finished_run_with_rows_is_said(base: Path) -> None:
    (base / "empty").mkdir()
    assert "empty holds no finished run" in error_of(base, "empty")
    (base / "going").mkdir()
    shutil.copy(base / "ds/journal.sqlite", base / "going")
    assert "going has not finished" in error_of(base, "going")
    (base / "barren").mkdir()
    shutil.copy(base / "ds/run.json", base / "barren")
    assert "barren accepted no row" in error_of(base, "barren")
    (base / "barren/run.json").write_text("{", encoding="utf-8")
    assert "run.json" in error_of(base, "barren")
    (base / "barren/run.json").write_text("[]", encoding="utf-8")
    assert "holds no finished run" in error_of(base, "barren")


def test_damage_of_a_run_is_said(base: Path) -> None:
    assert "no column 'reply' for question. Its columns are id, messages," in error_of(base, "ds", question="reply")
    (base / "verdicts.jsonl").write_text("no json", encoding="utf-8")
    assert "verdicts.jsonl: 1 problem" in error_of(base, "ds")
    (base / "verdicts.jsonl").unlink()
    shard = next((base / "ds/rows").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-50])
    assert "ds cannot be used: it cannot be read as a table" in error_of(base, "ds")


def test_a_chain_is_split_by_the_documents_of_the_first_run(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, RECIPE)
    opened = Project(load_config(base / "seedbed.yaml", ["recipe=again", "sources.rows=ds"]), base)
    documents = {source.group for source in opened.inputs.sources}
    assert documents == {row["lineage"]["group"] for row in rows_of(base / "ds")}  # type: ignore[index]
    assert opened.held_out & documents
    assert {source.group for source in opened.test_sources()} == opened.held_out & documents
    assert all(opened.is_held_out(group) == (group in opened.held_out) for group in documents)
    named = {seed.source for seed in opened.inputs.seeds}  # by the ends of their paths
    seeded = {document for document in documents if Path(document).name in named}
    assert seeded
    assert seeded <= {opened.group(seed) for seed in opened.inputs.seeds}


def test_an_answer_of_a_run_is_no_right_answer_unless_the_config_says_so(base: Path) -> None:
    recipe = recipe_that(name="again", reads="rows", inputs=("question",), optional_inputs=("answer",))
    assert "answer" not in read_rows(request(recipe, base, rows="ds")).sources[0].inputs
    named = read_rows(request(recipe, base, rows="ds", columns={"answer": "answer"})).sources[0]
    assert named.inputs["answer"]
