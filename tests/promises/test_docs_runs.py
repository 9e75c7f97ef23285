"""The commands of the pages of docs/ run as they stand, in a project whose teacher is scripted.

Numbers of rows are made small, and what stands for a name of the reader's own is replaced. Blocks behind a paragraph
that begins with "Measured" took hours or other models: their options and keys are checked in test_docs_commands.py.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from support.paths import ROOT
from support.projects import project, run

from seedbed.cli.main import main

OWN = {
    "DIR": "dataset",
    "FOLDER": "another",
    "NAME": "grounded-qa",
    "new.jsonl": "verdicts.jsonl",
    "my-data": "another",
}
BLOCK = re.compile(r"^```sh\n(.*?)^```|((?:^    [^\n]*\n)+)", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The words of every `seedbed` command in the blocks of a page that are not marked as measured."""
    text, lines = page.read_text(encoding="utf-8"), list[str]()
    for block in BLOCK.finditer(text):
        before = text[: block.start()].rstrip().rpartition("\n\n")[2]
        lines += [] if before.startswith("Measured") else (block[1] or block[2]).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.strip().startswith("seedbed ")]


PAGES = {page.stem: commands(page) for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "cli"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled project with models by the pages' aliases and a finished run."""
    folder = project(tmp_path_factory.mktemp("pages") / "project")
    path = folder / "seedbed.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["models"]["small"]["allows_training"] = True
    config["models"] |= dict.fromkeys(("tiny", "large", "strong", "cheap"), config["models"]["small"])
    config["embedder"], config["gates"]["relevance"] = "scripted/hashed-words", 0.1
    config["gates"]["threshold"] = 0.05  # hashed words are less alike than meanings
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert main(["compile", "-c", str(path), "--set", "compile.compare=12", "--set", "compile.judge_checks=8"]) == 0
    assert run(folder, folder / "dataset", "--rows", "5") == 0
    shutil.copytree(folder / "dataset", folder / "other")
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the commands are run."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def small(words: list[str]) -> list[str]:
    """The command with the reader's names, and for few rows."""
    named = [OWN.get(word, word) for word in words]
    return ["5" if before == "--rows" else word for before, word in zip(["", *named], named, strict=False)]


@pytest.mark.parametrize("page", [page for page, found in PAGES.items() if found])
def test_the_commands_of_a_page_run(page: str, here: Path) -> None:
    for words in PAGES[page]:
        done = (0, 1) if words[0] == "pairs" else (0,)  # the scripted teacher has no second answer, so no pair
        assert main(small(words)) in done, words


def test_pages_with_commands_are_found() -> None:
    assert ["run", "--rows", "5000", "--out", "dataset", "--set", "run.max_usd=20"] in PAGES["running"]
    assert not any("gates.likelihood=true" in words for words in PAGES["calibration"])
