"""A program that was compiled elsewhere is tried beside the formats, and shows no label of this project."""

import json
from pathlib import Path

import pytest
import yaml

from optimize import artefact
from programs.core.recipe import recipes
from seedbed.cli.main import main

FOREIGN = {"document": "The mill ground rye.", "question": "What did the mill grind?", "answer": "Rye."}
RECIPE = recipes()["grounded-qa"]
TEACHER = """
import re


def reply(prompt, draw):
    if "as a clerk would" not in prompt:
        return "Well."
    document = re.findall(r"\\[\\[ ## document ## \\]\\]\\n(.*?)\\n\\n", prompt, re.DOTALL)[-1].strip()
    words = re.findall(r"\\w+", document)
    asked = f"What is said of {' '.join(words[:3])} in the {words[-1]}?"
    name = "answer" if "`[[ ## answer ## ]]`" in prompt else "question"
    return f"[[ ## {name} ## ]]\\n{document.split('. ')[0] if name == 'answer' else asked}\\n\\n[[ ## completed ## ]]"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose teacher is deaf to all wordings of ours, and its compiled program reworded under known.json."""
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    (folder / "teacher.py").write_text(TEACHER, encoding="utf-8")
    path = folder / "seedbed.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["models"] = {"small": {"model": "scripted/teacher.py", "max_tokens": 96}}
    config["embedder"], config["gates"] = "scripted/hashed-words", {"judges": [], "relevance": 0.0}
    config["compile"] |= {"compare": 12, "judge_checks": 8, "budget": "quick", "optimizer": "labeled"}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert compiled(folder) == 1
    made = artefact.load(RECIPE, folder / "compiled" / "grounded-qa" / "small.json")
    seed = json.loads((folder / "seeds.jsonl").read_text(encoding="utf-8").splitlines()[0])
    for name in ("ask_question", "answer_question"):
        step = made.compiled.step(name)
        step.signature, step.format = step.signature.with_instructions("Write as a clerk would."), "chat"
        step.demos = [{key: demo[key] for key in step.signature.fields} for demo in (seed, FOREIGN)]
    artefact.save(made, folder / "known.json")
    return folder


def compiled(folder: Path, *more: str) -> int:
    return main(["compile", "-c", str(folder / "seedbed.yaml"), *more])


def test_what_was_found_elsewhere_wins_where_it_is_better_and_without_demos_that_are_seeds_here(folder: Path) -> None:
    compiled(folder, "--set", "compile.known=[known.json]")
    made = artefact.load(RECIPE, folder / "compiled" / "grounded-qa" / "small.json")
    assert all(what.startswith("known.json") for what in made.manifest.steps.values())
    for name in ("ask_question", "answer_question"):
        step = made.compiled.step(name)
        assert step.signature.instructions == "Write as a clerk would."
        assert [demo["document"] for demo in step.demos] == [FOREIGN["document"]]


@pytest.mark.parametrize("name", ["none.json", "seeds.jsonl"])
def test_what_is_no_compiled_program_is_named(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert compiled(folder, "--set", f"compile.known=[{name}]") == 2
    said = capsys.readouterr().err
    assert f"compile.known: {name} is no compiled program" in said
    assert "judge" not in said
