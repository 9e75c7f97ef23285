"""What the pages of docs/ tell people to type: every command, option, config key and file is there.

The README's commands are run (test_docs.py). These are parsed alone, for most of them want hours, a paid model or a
folder of somebody's own."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from support.paths import ROOT

from seedbed.cli.main import app, main
from seedbed.config.load import Config, load_config
from seedbed.config.models import ModelEntry
from seedbed.project.template import write_project

PAGES = {
    page.stem: page.read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.stem != "cli"  # which is written from the commands
}
OPTIONS = {
    option for command in typer.main.get_command(app).commands.values() for one in command.params for option in one.opts
}
SECTIONS = {
    name: set(field.annotation.model_fields)
    for name, field in Config.model_fields.items()
    if hasattr(field.annotation, "model_fields")
}


def code(page: str) -> list[str]:
    """The lines of a page's shell blocks without their comments, and every piece of code in its sentences."""
    text = PAGES[page]
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)).splitlines()
    lines = [*blocks, *re.findall(r"^    (.*)$", text, re.MULTILINE)]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [re.split(r"\s#\s", line)[0].strip() for line in lines] + re.findall(r"`([^`]+)`", prose)


def commands(page: str) -> list[list[str]]:
    """The words of every `seedbed ...` of a page."""
    return [shlex.split(one)[1:] for one in code(page) if one.startswith("seedbed ")]


def keys(page: str) -> list[str]:
    """The config keys that a page names with their section, `models.ALIAS.key` without it."""
    sections = "|".join(SECTIONS)
    named = rf"(?<![\w./])((?:{sections})\.(?!py\b|json\b|parquet\b)\w+\*?|models\.\w+\.\w+)"
    found = re.findall(named, "\n".join(code(page)))
    return sorted(set(found))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project's config, with a model by every alias the pages speak of."""
    write_project(tmp_path / "project", "grounded-qa")
    path = tmp_path / "project" / "seedbed.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["models"] |= {alias: {"model": "openai/gpt-5-mini"} for alias in ("cheap", "strong", "local", "other")}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_of_a_page_is_there(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(page):
        assert main([*words, "--help"]) == 0, (words, capsys.readouterr().err)
    for option in code(page):
        if option.startswith("--"):
            assert option.split("=")[0].split()[0] in OPTIONS, option


@pytest.mark.parametrize("page", PAGES)
def test_every_key_that_a_page_sets_is_there(page: str, config: Path) -> None:
    pieces = [" ".join(words) for words in commands(page)] + code(page)
    settings = [setting for piece in pieces for setting in re.findall(r"--set (\S+=\S+)", piece)]
    load_config(config, [one for one in settings if "KEY" not in one])
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE):
        raw: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
        config.write_text(yaml.safe_dump(raw | yaml.safe_load(block)), encoding="utf-8")
        load_config(config)


@pytest.mark.parametrize("page", PAGES)
def test_every_key_that_a_page_names_is_there(page: str) -> None:
    for key in keys(page):
        section, *_, last = key.split(".")
        known = set(ModelEntry.model_fields) if section == "models" else SECTIONS[section]
        assert any(name.startswith(last[:-1]) for name in known) if last.endswith("*") else last in known, key


@pytest.mark.parametrize("page", PAGES)
def test_every_script_that_a_page_runs_is_there_with_its_options(page: str) -> None:
    for line in code(page):
        if script := re.match(r"python (?:-m pytest )?(\S+\.py)", line):
            source = (ROOT / script[1]).read_text(encoding="utf-8")
            assert [option for option in re.findall(r" (--[\w-]+)", line) if f'"{option}"' not in source] == []


def test_the_pages_hold_what_is_looked_for() -> None:
    assert ["run", "--rows", "5000", "--out", "dataset", "--set", "run.max_usd=20"] in commands("running")
    assert ["calibrate", "--verdicts", "new.jsonl", "--check", "METRIC.json"] in commands("calibration")
    assert "gates.near_duplicate_cosine" in keys("running")
    assert "models.ALIAS.model" in keys("config")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        if not link.startswith("http"):
            target = page.parent / file if file else page
            assert target.exists(), link
            assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
