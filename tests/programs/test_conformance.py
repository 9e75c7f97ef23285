"""What every recipe promises, whatever it makes: a new recipe is tested as soon as its file is there."""

import itertools
from pathlib import Path
from typing import Any

import dspy
import pytest
from support.projects import rows
from support.scripted_program import Reply, teaching
from support.shipped import examples_of, seeds_of, sources_of, verdicts_of

from metrics.checks.registry import CHECKS, Setting, first_fault
from metrics.compare import COMPARATORS
from programs.core.background import run_sync
from programs.core.feed import FeedInput, first_sources
from programs.core.kinds import KINDS, kind_of
from programs.core.recipe import Recipe, recipes
from programs.core.text import rouge_l
from programs.judges.judge import aspects_of, judges_of
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.storage.row_schema import row_schema
from signatures.variants import wordings

SEEDS, VERDICTS = 12, 20  # the fewest seeds of a recipe, and verdicts of each label on each of its judges
SAME = 0.7  # ROUGE-L from which two seeds count as one, as in Self-Instruct's pool (Wang et al. 2022, section 2.2)
ALIKE = {("gqa-030", "gqa-032")}  # what a loaf uses and what it weighs: other facts in the same words
TRAINERS = {"prompt", "completion", "messages", "chosen", "rejected", "label", "text", "tools", "image", "images"}
"""The columns by which TRL's trainers tell what a dataset is (TRL 1.16, `data_utils.is_conversational` and others)."""
TEACHER = "from support.scripted_program import teacher\n\nreply = teacher({!r})\n"


@pytest.fixture(params=recipes())
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return recipes()[request.param]


# names


def test_a_recipe_has_the_name_of_its_file(recipe: Recipe) -> None:
    assert recipe.name == recipe.folder.name.replace("_", "-")
    assert all((recipe.paper, recipe.reads, recipe.gives))


def test_what_a_recipe_names_exists(recipe: Recipe) -> None:
    steps = {name for name, _ in recipe.program().named_predictors()}
    assert kind_of(recipe.program.row) in KINDS
    assert {check for check in recipe.checks if isinstance(check, str)} <= CHECKS.keys()
    assert set(recipe.labelled.values()) <= COMPARATORS.keys()
    assert recipe.labelled.keys() <= steps
    assert set(aspects_of(recipe)) | recipe.required <= judges_of(recipe).keys()


# data


def test_seeds_can_be_read_and_are_enough(recipe: Recipe) -> None:
    seeds = seeds_of(recipe)
    assert len(seeds) >= SEEDS
    assert len({seed.id for seed in seeds}) == len(seeds)


def test_a_seed_stands_for_a_row_of_the_recipe(recipe: Recipe) -> None:
    rows = [seed.row for seed in seeds_of(recipe) if seed.row]
    assert all(type(row) is recipe.program.row and (row.written or row.prompt) for row in rows)
    assert rows


def test_no_two_seeds_are_alike(recipe: Recipe) -> None:
    pairs = itertools.combinations([seed for seed in seeds_of(recipe) if seed.shown], 2)
    alike = {(a.id, b.id) for a, b in pairs if rouge_l(a.shown, b.shown) >= SAME}
    assert alike <= ALIKE


def test_each_judge_of_a_recipes_own_has_verdicts_to_be_tried_on(recipe: Recipe) -> None:
    for make in (judge for judge in recipe.judges if not isinstance(judge, str)):
        verdicts = [verdict for verdict in verdicts_of(recipe) if verdict.aspect == make().aspect]
        bad = [verdict for verdict in verdicts if verdict.label == 0]
        assert len(verdicts) - len(bad) >= VERDICTS
        assert len(bad) >= VERDICTS
        assert sum(verdict.made == "rule" for verdict in bad) <= len(bad) / 2


# rows


def test_rows_have_columns_that_no_trainer_mistakes(recipe: Recipe) -> None:
    kind = recipe.program.row
    names, own = row_schema(kind).names, kind.model_fields.keys() - {"dropped"}
    assert len(set(names)) == len(names)
    assert own <= {*names}
    assert TRAINERS & {*names} == TRAINERS & kind_of(kind).Base.model_fields.keys()


def test_rows_of_seeds_fill_their_columns(recipe: Recipe) -> None:
    names = {*row_schema(recipe.program.row).names}
    for row in (seed.row for seed in seeds_of(recipe) if seed.row):
        assert row.columns().keys() <= names
        assert type(row).Base.model_validate(row.columns())


def test_no_check_rejects_a_row_that_is_not_filled_yet(recipe: Recipe) -> None:
    assert run_sync(first_fault(recipe.program.row(), recipe.checks, Setting(embed))) is None


def test_a_round_trip_is_a_step_with_two_wordings_that_reads_the_row(recipe: Recipe) -> None:
    if recipe.round_trip:
        step = recipe.program().step(recipe.round_trip)
        assert len(wordings(step.asked)) > 1
        assert all(hasattr(recipe.program.row(), field) for field in step.signature.input_fields)


# steps


def test_examples_fit_their_steps(recipe: Recipe) -> None:
    program, examples = recipe.program(), examples_of(recipe)
    assert recipe.labelled.keys() <= examples.keys()
    for name, of_step in examples.items():
        signature = program.step(name).signature
        for example in of_step:
            assert {*example.inputs().keys()} == {*signature.input_fields}
            assert {"group", *signature.fields} <= {*example.keys()}
            assert all(example[field] != "" for field in signature.fields)


def test_a_program_survives_its_file_with_dspy_alone(recipe: Recipe, tmp_path: Path) -> None:
    program, examples = recipe.program(), examples_of(recipe)
    for name, of_step in ((name, of_step) for name, of_step in examples.items() if of_step):
        step = program.step(name)
        step.format, step.nearest = "compact", 1
        step.demos = [dspy.Example(**{field: of_step[0][field] for field in step.signature.fields})]
    path = tmp_path / "program.json"
    program.save(path)
    again = recipe.program()
    assert again.dump_state() != program.dump_state()
    again.load(path)
    assert again.dump_state() == program.dump_state()


@pytest.mark.parametrize("reply", ["", "???", "{}", '{"questions": 3}'])
def test_a_reply_that_cannot_be_read_is_a_drop(recipe: Recipe, reply: Reply) -> None:
    program = recipe.program()
    with teaching(program, dict.fromkeys([name for name, _ in program.named_predictors()], reply)):
        candidates = program().candidates
    assert {row.dropped and row.dropped.reason for row in candidates} == {
        "unreadable reply" if reply else "empty reply"
    }


def test_a_feed_gives_the_same_again(recipe: Recipe) -> None:
    options = recipe.options(**{"invent": True} if "invent" in recipe.options.model_fields else {})
    first, second = (
        first_sources(recipe.feed(FeedInput(sources_of(recipe), seeds_of(recipe), options, 3)), 20) for _ in range(2)
    )
    assert first == second
    assert len({source.id for source in first}) == len(first)


# a whole run


def test_init_gives_a_project_that_runs(recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "project"), "--recipe", recipe.name]) == 0
    (tmp_path / "project" / "teacher.py").write_text(TEACHER.format(recipe.name), encoding="utf-8")
    capsys.readouterr()
    code, made = run(tmp_path, "--rows=2"), rows(tmp_path / "dataset")
    assert code == (0 if len(made) == 2 else 1)
    assert f"{len(made)} rows from" in capsys.readouterr().out
    assert all(kind_of(recipe.program.row).Base.model_validate(row) for row in made)


def test_init_names_every_judge_of_the_recipe(recipe: Recipe, tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "project"), "--recipe", recipe.name]) == 0
    judges = load_config(tmp_path / "project" / "seedbed.yaml").gates.judges
    assert judges is None or list(judges) == aspects_of(recipe)


def run(base: Path, *words: str) -> int:
    """An uncompiled run of the project with its scripted teacher, and an embedder of hashed words."""
    sets = {"models.small.model": "scripted/teacher.py", "embedder": "scripted/hashed-words", "run.max_candidates": 60}
    where: list[Any] = ["-c", base / "project" / "seedbed.yaml", "--out", base / "dataset", "--uncompiled"]
    return main(["run", *map(str, where), *words, *(f"--set={key}={value}" for key, value in sets.items())])
