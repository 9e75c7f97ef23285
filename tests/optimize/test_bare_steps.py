"""A step whose input alone is the prompt is compiled to demos, and never to another format or instruction."""

import json
from pathlib import Path

import pytest
from support.projects import project

from seedbed.cli.main import main


def test_a_compile_chooses_demos_alone_for_a_bare_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p", "lab")
    settings = ["embedder=scripted/hashed-words", "gates.judges=[]", "compile.budget=quick", "compile.compare=2"]
    settings += ["compile.optimizer=copro", "compile.max_calls=400"]
    assert main(["compile", "-c", str(folder / "seedbed.yaml"), *(f"--set={setting}" for setting in settings)]) == 0
    assert "answer_for_task: bootstrap instead of copro" in capsys.readouterr().err
    (path,) = (folder / "compiled" / "lab").glob("small.json")
    step = json.loads(path.read_text(encoding="utf-8"))["answer_for_task"]
    assert step["format"] == "bare"
    assert step["signature"]["instructions"].startswith("Answer the question.")
    manifest = json.loads(next(path.parent.glob("small*manifest*")).read_text(encoding="utf-8"))
    assert manifest["optimizers"]["answer_for_task"] == "bootstrap"
    assert "wording" not in manifest["steps"]["answer_for_task"]
