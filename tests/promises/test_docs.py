"""The README's commands and its Python, run word for word by a script; and what is generated of the docs."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.paths import ROOT, TEACHER

from seedbed.cli.main import main
from seedbed.config.load import Config
from seedbed.config.models import ModelEntry
from seedbed.config.sections import Budget, CompileSettings, Fallback, Gates, Roles, RunSettings, Sources
from seedbed.project.template import write_project

ROOMS = ("signatures", "programs", "metrics", "optimize", "seedbed")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_the_commands_of_the_readme_work_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("typer.prompt", lambda *args, **kwargs: "q")
    for command in commands():
        words = shlex.split(command)
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
            script(Path("seedbed.yaml"))
        else:
            assert words[0] == "seedbed"
            assert main([row_id() if word == "ROW_ID" else word for word in words[1:]]) == 0, command


def test_the_python_of_the_readme_gives_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(Path("my-data"), "grounded-qa")
    script(Path("my-data/seedbed.yaml"))
    config = Path("my-data/seedbed.yaml")
    config.write_text(config.read_text(encoding="utf-8").replace("rows: 100", "rows: 5"), encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["rows"].num_rows == 5
    assert capsys.readouterr().out.strip() == names["rows"][0]["question"]


def test_what_is_generated_of_the_docs_is_what_the_code_says() -> None:
    check = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    told = subprocess.run(check, capture_output=True, text=True, cwd=ROOT)
    assert (told.returncode, told.stdout) == (0, "differ: none\n"), (
        f"{told.stdout}{told.stderr}\npython docs/generate.py"
    )


def test_every_folder_says_what_lives_there() -> None:
    folders = [path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    silent = [
        folder for folder in set(folders) if not (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""')
    ]
    assert not silent


def row_id() -> str:
    """A row of the dataset that the commands before it made."""
    found: str = pq.read_table(next(Path("dataset").glob("rows/*.parquet")))["id"][0].as_py()
    return found


def script(config: Path) -> None:
    shutil.copy(TEACHER, config.with_name("teacher.py"))
    text = config.read_text(encoding="utf-8").replace(
        "embedded/qwen2.5-coder-0.5b", "scripted/teacher.py, allows_training: true"
    )
    text = re.sub(r"(?m)^verdicts:.*\n", "", text)  # those on real replies refuse most of what a script writes
    config.write_text(text, encoding="utf-8")


def test_the_readme_names_both_commands() -> None:
    assert "make demo" in README
    assert "make test" in README


def test_every_key_of_the_config_says_what_it_means() -> None:
    sections = (Config, ModelEntry, Roles, Fallback, Budget, Sources, Gates, CompileSettings, RunSettings)
    assert not [key for section in sections for key, field in section.model_fields.items() if not field.description]


def test_prompt_text_stands_in_signatures_alone() -> None:
    """A docstring or string of another room that instructs a model would be prompt text out of place."""
    instructs = re.compile(r"(?i)\b(you are an?|your task is|respond with only|answer the following)\b")
    rooms = [path for room in ("programs", "metrics", "optimize", "seedbed") for path in (ROOT / room).rglob("*.py")]
    assert not [path for path in rooms if instructs.search(path.read_text(encoding="utf-8"))]
