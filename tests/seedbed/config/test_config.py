"""seedbed.yaml: every mistake is named where it stands, at once, and no secret is ever repeated."""

from pathlib import Path

import pytest
import yaml

from seedbed.cli.main import main
from seedbed.config.catalogue import shelf
from seedbed.config.load import Config, load_config
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError

GOOD = """
recipe: grounded-qa
models:
  small: {model: embedded/smollm2-135m}
  local: {model: Qwen3-8B, api_base: "http://localhost:8000/v1", api_key: $LOCAL_KEY, input_price: 1, output_price: 4}
roles: {teacher: small, judge: local}
sources: {documents: documents}
seeds: seeds.jsonl
"""
SECRET = "sk-hunter2-hunter2"


def loaded(tmp_path: Path, text: str = GOOD, *overrides: str) -> Config:
    path = tmp_path / "seedbed.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


def complaint(tmp_path: Path, text: str = GOOD, *overrides: str) -> str:
    with pytest.raises(UserError) as raised:
        loaded(tmp_path, text, *overrides)
    return f"{raised.value}\n{raised.value.hint}"


def with_model(**entry: object) -> str:
    raw = yaml.safe_load(GOOD)
    raw["models"]["small"].update(entry)
    return str(yaml.safe_dump(raw))


def test_a_good_config_is_read(tmp_path: Path) -> None:
    assert loaded(tmp_path).entry("judge")[1].model == "Qwen3-8B"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("reciep=lab", 'reciep: there is no key "reciep"; did you mean "recipe"?'),
        ("run.seed=5", "run.seed: is called random_seed now"),
        ("sources.invent=true", "sources.invent: is called options.invent now"),
        ("sources.unanswerable=0.1", "sources.unanswerable: is called options.unanswerable now"),
        ("run.draws=1", "run.draws: is called options.draws now"),
        ("run.lag=8", "run.lag: is called options.lag now"),
        ("models.small.trains=true", "models.small.trains: is called allows_training now"),
        ("run.row=5", 'run.row: there is no key "row"; did you mean "rows"?'),
        (
            "models.small.temprature=1",
            'models.small.temprature: there is no key "temprature"; did you mean "temperature"?',
        ),
        (
            "gates.zzz=1",
            'gates.zzz: there is no key "zzz"; there are: checks, cross_encoder, judge_samples, judges',
        ),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path: Path, override: str, message: str) -> None:
    assert message in complaint(tmp_path, GOOD, override)


@pytest.mark.parametrize("alias", ["run", "recipe", "gates"])
def test_a_model_whose_alias_is_also_a_key_is_still_a_model(tmp_path: Path, alias: str) -> None:
    message = complaint(tmp_path, GOOD, f"models.{alias}={{model: m, temprature: 1}}")
    assert 'did you mean "temperature"?' in message


@pytest.mark.parametrize("role", ["teacher", "judge", "reflection"])
def test_a_role_without_a_model_names_the_nearest(tmp_path: Path, role: str) -> None:
    message = complaint(tmp_path, GOOD, f"roles.{role}=smal")
    assert f'roles.{role}: there is no alias "smal"; did you mean "small"?' in message


def test_roles_not_bound_fall_to_the_teacher(tmp_path: Path) -> None:
    assert loaded(tmp_path).roles.named() == {"teacher": "small", "judge": "local", "reflection": "small"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run.rows=-3", "run.rows: input should be greater than or equal to 1 (got -3)"),
        (
            "run.rows=many",
            "run.rows: input should be a valid integer, unable to parse string as an integer (got 'many')",
        ),
        ("compile.optimizer=magic", "compile.optimizer: input should be 'auto', 'labeled', 'bootstrap'"),
        ("compile.novelty=2", "compile.novelty: input should be less than or equal to 1 (got 2)"),
        ("models.small.concurrency=0", "models.small.concurrency: input should be greater than or equal to 1 (got 0)"),
        ("budget.max_usd=.inf", "budget.max_usd: input should be a finite number (got inf)"),
        ("run.max_minutes=.nan", "run.max_minutes: input should be a finite number (got nan)"),
        ("models.small.input_price=.inf", "models.small.input_price: input should be a finite number (got inf)"),
    ],
)
def test_a_value_out_of_range_is_shown_with_what_was_expected(tmp_path: Path, override: str, message: str) -> None:
    assert message in complaint(tmp_path, GOOD, override)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    assert "seeds: is missing" in complaint(tmp_path, GOOD.replace("seeds: seeds.jsonl", ""))


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    message = complaint(tmp_path, GOOD, "run.rows=-3", "reciep=lab", "gates.threshold=7", "models.small.model=null")
    assert all(key in message for key in ("run.rows:", "reciep:", "gates.threshold:", "models.small.model:"))


@pytest.mark.parametrize("key", [SECRET, [SECRET], {"value": SECRET}], ids=["text", "list", "mapping"])
def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, key: object) -> None:
    message = complaint(tmp_path, with_model(api_key=key))
    assert ("models.small.api_key" in message, SECRET in message) == (True, False)


@pytest.mark.parametrize(
    "base",
    [f"http://me:{SECRET}@host/v1", f"https://host/v1?key={SECRET}", f"host/{SECRET}", [f"http://h/{SECRET}"]],
    ids=["credentials", "query", "no address", "list"],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(tmp_path: Path, base: object) -> None:
    message = complaint(tmp_path, with_model(api_base=base))
    assert ("models.small.api_base" in message, SECRET in message) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        f"models: [{{model: m, api_key: {SECRET}}}]",
        f"models: {{small: [model, {SECRET}]}}",
        f'models: {{small: {{model: m, api_key: "{SECRET}}}}}',
        f"models:\n  small:\n    api_key: {SECRET}: x\n",
        f"models: {{small: {{extra: [{SECRET}]}}}}",
    ],
    ids=["a list of models", "a model as a list", "an open quote", "a colon too many", "extra as a list"],
)
def test_a_key_in_a_file_of_the_wrong_shape_is_not_repeated(tmp_path: Path, text: str) -> None:
    assert SECRET not in complaint(tmp_path, text)


def test_overrides_are_yaml_and_win(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD, "run.rows=7", "gates.judges=[grounded]", "roles.judge=null")
    assert (config.run.rows, config.gates.judges, config.roles.judge) == (7, ["grounded"], None)


def test_an_override_fills_an_empty_section(tmp_path: Path) -> None:
    assert loaded(tmp_path, f"{GOOD}run:\n", "run.rows=7").run.rows == 7


@pytest.mark.parametrize("override", ["run.rows", "recipe.name=lab", "run.rows=[1", "seeds.a.b=1"])
def test_a_bad_override_is_a_mistake_that_names_it(tmp_path: Path, override: str) -> None:
    assert f"--set {override.partition('=')[0]}" in complaint(tmp_path, GOOD, override)


def test_another_teacher_leaves_the_other_roles_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path).swap("local").roles.named() == {
        "teacher": "local",
        "judge": "local",
        "reflection": "small",
    }


def test_no_other_teacher_is_the_same_config(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.swap(None) is config


def test_an_unknown_teacher_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='there is no alias "locl"; did you mean "local"'):
        loaded(tmp_path).swap("locl")


@pytest.mark.parametrize(
    ("overrides", "tokens", "headings"),
    [
        ([], 64, False),  # what the shelf says of small
        (["roles.teacher=local"], 200, True),  # a model that the shelf does not have
        (["roles.teacher=[small, local]"], 64, False),
        (["roles.teacher=[local, small]"], 200, True),
        (["sources.chunk_tokens=80"], 80, False),
        (["roles.teacher=local", "sources.chunk_tokens=80"], 80, False),
        (["sources.headings=true"], 64, True),
        (["roles.teacher=local", "sources.headings=false"], 200, False),
        (["sources.chunk_tokens=80", "sources.headings=true"], 80, True),
    ],
)
def test_the_first_teacher_sets_the_passages_where_the_config_does_not(
    tmp_path: Path, overrides: list[str], tokens: int, headings: bool
) -> None:
    form = loaded(tmp_path, GOOD, *overrides).passages
    assert (form.tokens, form.headings) == (tokens, headings)


def test_a_swap_of_the_teacher_sets_the_passages_anew(tmp_path: Path) -> None:
    assert loaded(tmp_path).swap("local").passages.tokens == 200
    assert loaded(tmp_path, GOOD, "sources.chunk_tokens=80").swap("local").passages.tokens == 80


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"], ids=["empty", "list", "words"])
def test_a_file_without_keys_says_so(tmp_path: Path, text: str) -> None:
    assert "holds no keys" in complaint(tmp_path, text)


def test_a_file_that_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    assert "is not YAML: line 3" in complaint(tmp_path, "recipe: lab\nseeds: s\n  x: : y\n")


def test_a_file_that_is_not_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "seedbed.yaml").write_bytes(b"recipe: \0\xff\x81")
    with pytest.raises(UserError, match="is not YAML"):
        load_config(tmp_path / "seedbed.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no .*seedbed\.yaml"):
        load_config(tmp_path / "seedbed.yaml")


@pytest.mark.parametrize(
    "command", [["doctor"], ["calibrate", "--verdicts", "verdicts.jsonl"]], ids=["doctor", "calibrate"]
)
def test_what_asks_models_takes_another_value_of_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "seedbed.yaml").write_text(GOOD, encoding="utf-8")
    assert main([*command, "-c", str(tmp_path / "seedbed.yaml"), "--set", "roles.judge=nobody"]) == 2
    assert 'roles.judge: there is no alias "nobody"' in capsys.readouterr().err


def test_calibrate_without_a_project_has_no_key_to_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(tmp_path / "seedbed.yaml")
    assert main(["calibrate", "--verdicts", "verdicts.jsonl", "-c", config, "--set", "gates.relevance=0.5"]) == 2
    assert "--set gates.relevance=0.5" in capsys.readouterr().err


def test_a_model_brings_its_licence_if_it_is_on_the_shelf() -> None:
    for name, model in shelf().items():
        assert ModelEntry(model=f"embedded/{name}").licence == model.licence
        assert ModelEntry(model=f"embedded/{name}", api_base="http://localhost:8000/v1").licence is None
    for model in ("embedded/mine.gguf", "scripted/teacher.py", "openai/gpt-5-mini"):
        assert ModelEntry(model=model).licence is None
