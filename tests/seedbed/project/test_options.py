"""The options of a recipe: checked when a project is opened, kept with a run, shown by `seedbed recipes`."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.projects import project, rows, run

from programs.core.recipe import recipes
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.errors import UserError
from seedbed.project.project import Project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of grounded-qa with a scripted teacher, and an embedder that is there at once."""
    folder = project(tmp_path_factory.mktemp("scripted") / "project")
    path = folder / "seedbed.yaml"
    text = path.read_text(encoding="utf-8").replace("embedded/all-minilm-l6-v2", "scripted/hashed-words")
    path.write_text(text, encoding="utf-8")
    return folder


def opened(folder: Path, *overrides: str) -> Project:
    return Project(load_config(folder / "seedbed.yaml", overrides), folder)


def complaint(folder: Path, *overrides: str) -> str:
    with pytest.raises(UserError) as raised:
        opened(folder, *overrides)
    return f"{raised.value}\n{raised.value.hint}"


def report(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "run.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("options.draw=2", 'options.draw: there is no key "draw"; did you mean "draws"?'),
        ("options.lag=2", 'options.lag: there is no key "lag"; there are: draws, invent, unanswerable'),
        ("options.draws=0", "options.draws: input should be greater than or equal to 1 (got 0)"),
        ("options.unanswerable=.nan", "options.unanswerable: input should be a finite number (got nan)"),
        ("options.invent=maybe", "options.invent: input should be a valid boolean"),
    ],
)
def test_a_bad_option_is_named_when_the_project_is_opened(folder: Path, override: str, message: str) -> None:
    assert message in complaint(folder, override)
    assert "seedbed recipes grounded-qa" in complaint(folder, override)


def test_every_bad_option_is_named_at_once(folder: Path) -> None:
    message = complaint(folder, "options.draws=0", "options.zzz=1")
    assert "options.draws:" in message
    assert "options.zzz:" in message


def test_options_that_are_not_set_are_the_recipes_own(folder: Path) -> None:
    assert opened(folder).options == recipes()["grounded-qa"].options()
    assert opened(folder, "options.draws=7").options.model_dump() == {"draws": 7, "unanswerable": 0.0, "invent": False}


@pytest.mark.parametrize("recipe", list(recipes()))
def test_every_option_has_a_default_and_names_its_source(recipe: str) -> None:
    for name, field in recipes()[recipe].options.model_fields.items():
        assert not field.is_required(), name
        assert any(word in (field.description or "") for word in ("section", "ours", "distilabel", "published code")), (
            name
        )


@pytest.mark.parametrize("recipe", list(recipes()))
def test_init_shows_an_option_that_can_be_switched_on(tmp_path: Path, recipe: str) -> None:
    path = project(tmp_path / "p", recipe) / "seedbed.yaml"
    text = path.read_text(encoding="utf-8")
    assert "# options: {" in text
    path.write_text(text.replace("# options: {", "options: {"), encoding="utf-8")
    assert opened(path.parent).config.options
    assert opened(path.parent).options == recipes()[recipe].options()
    schema = json.loads((path.parent / ".seedbed" / "schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["options"]["additionalProperties"] is True


def test_a_run_keeps_its_options_and_other_options_make_another_run(folder: Path, tmp_path: Path) -> None:
    def made(name: str, *more: str) -> dict[str, Any]:
        run(folder, tmp_path / name, "--uncompiled", "--rows", "4", *more)
        return report(tmp_path / name)

    default, same = made("a"), made("b", "--set", "options.draws=4")
    assert default["options"] == {"draws": 4, "unanswerable": 0.0, "invent": False}
    assert same["setup"] == default["setup"]
    other = made("c", "--set", "options.unanswerable=1.0")
    assert other["setup"] != default["setup"]
    assert {row["answer"] for row in rows(tmp_path / "c")} == {"The document does not say."}
    assert "- options of the recipe: draws: 4, unanswerable: 1.0, invent: false" in (
        tmp_path / "c" / "README.md"
    ).read_text(encoding="utf-8")


def test_test_sources_are_what_the_feed_makes_of_held_out_passages(folder: Path) -> None:
    plain, beyond = opened(folder).test_sources(), opened(folder, "options.unanswerable=1.0").test_sources()
    assert {source.group for source in plain} <= opened(folder).held_out
    assert {source.id for source in plain} == {source.id for source in beyond}
    assert not any("answerable" in source.inputs for source in plain)
    assert all(source.inputs["answerable"] is False for source in beyond)
    few = opened(folder, "compile.compare=10000").test_sources()
    assert len({source.id for source in few}) == len(few)  # no passage twice, however many are asked for


def test_recipes_shows_the_options_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "lab"]) == 0
    shown = capsys.readouterr().out
    assert "questions: 5" in shown
    assert "The questions of one call (section 3.2)." in shown
    assert "Sudalairaj" in shown
    assert main(["recipes", "lab", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["options"]["questions"] == {"default": 5, "meaning": "The questions of one call (section 3.2)."}
    assert main(["recipes", "lba"]) == 2
    assert 'there is no recipe "lba"; did you mean "lab"?' in capsys.readouterr().err


def test_only_the_steps_that_are_named_are_compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project(tmp_path / "p") / "seedbed.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config |= {"embedder": "scripted/hashed-words", "compile": {"budget": "quick", "optimizer": "labeled"}}
    path.write_text(json.dumps(config), encoding="utf-8")
    assert main(["compile", "-c", str(path), "--set", "compile.steps=[ask_beyond]"]) == 2
    error = capsys.readouterr().err
    assert 'compile.steps: there is no step to compile "ask_beyond"' in error
    assert main(["compile", "-c", str(path), "--set", "compile.steps=[answer_questio]"]) == 2
    assert 'did you mean "answer_question"?' in capsys.readouterr().err
    main(["compile", "-c", str(path), "--set", "compile.steps=[answer_question]"])
    manifest = path.parent / "compiled" / "grounded-qa" / "small.manifest.json"
    assert set(json.loads(manifest.read_text(encoding="utf-8"))["steps"]) == {"answer_question"}
