"""The README's commands, run word for word with a scripted teacher; and its tree, held against the folders."""

import re
import shlex
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seedbed.cli.main import main

ROOT = Path(__file__).parents[1]
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


def row_id() -> str:
    """A row of the dataset that the commands before it made."""
    found: str = pq.read_table(next(Path("dataset").glob("rows/*.parquet")))["id"][0].as_py()
    return found


def script(config: Path) -> None:
    shutil.copy(Path(__file__).with_name("teacher.py"), config.with_name("teacher.py"))
    text = config.read_text(encoding="utf-8").replace("embedded/qwen2.5-coder-0.5b", "scripted/teacher.py")
    text = re.sub(r"(?m)^verdicts:.*\n", "", text)  # those on real replies refuse most of what a script writes
    config.write_text(text, encoding="utf-8")


def test_the_readme_names_both_commands() -> None:
    assert "make demo" in README
    assert "make test" in README


def test_every_key_of_the_config_is_documented() -> None:
    from seedbed.config.load import Config
    from seedbed.config.models import ModelEntry
    from seedbed.config.sections import Budget, CompileSettings, Fallback, Gates, Roles, RunSettings, Sources

    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    sections = (Config, ModelEntry, Roles, Fallback, Budget, Sources, Gates, CompileSettings, RunSettings)
    missing = [
        key
        for section in sections
        for key in section.model_fields
        if key not in ("gates", "compile", "run", "models", "roles", "fallback", "budget", "sources")
        and not re.search(rf"\b{key}`", page)
    ]
    assert not missing


def test_prompt_text_stands_in_signatures_alone() -> None:
    """A docstring or string of another room that instructs a model would be prompt text out of place."""
    instructs = re.compile(r"(?i)\b(you are an?|your task is|respond with only|answer the following)\b")
    rooms = [path for room in ("programs", "metrics", "optimize", "seedbed") for path in (ROOT / room).rglob("*.py")]
    assert not [path for path in rooms if instructs.search(path.read_text(encoding="utf-8"))]
