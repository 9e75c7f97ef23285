"""Judges on disk and in a project: what a state holds, and what a config may ask for."""

import json
from collections.abc import Callable
from pathlib import Path

import dspy
import pytest
from support.judged import RATERS, judge

from programs.judges.judge import ClaimsJudge, Judge, RulesJudge
from programs.judges.rater import Rater
from seedbed.cli.main import main
from seedbed.compiling.metric import asked_judges
from seedbed.config.load import load_config
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.session import Session

# state


@pytest.mark.parametrize("make", RATERS.values(), ids=RATERS)
def test_a_judge_survives_its_state(make: Callable[[], Rater]) -> None:
    rater, again = make(), make()
    rater.samples, rater.judge.format = 3, "compact"
    rater.judge.demos = [dspy.Example(**dict.fromkeys(rater.judge.signature.fields, "x"))]
    assert again.hash != rater.hash
    again.load_state(json.loads(json.dumps(rater.dump_state(), default=dict)))
    assert (again.dump_state(), again.hash) == (rater.dump_state(), rater.hash)


def test_rules_are_part_of_a_judge() -> None:
    original, copy = judge("rules"), RulesJudge(["Say please."])
    assert original.hash != copy.hash
    copy.load_state(original.dump_state())
    assert (copy.rules, copy.hash) == (["Say please.", "Name no brand."], original.hash)


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of this version"):
        ClaimsJudge().load_state(judge("answerable").dump_state())


# a project's judges


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {recipe: tmp_path_factory.mktemp("judges") / recipe for recipe in ("grounded-qa", "lab")}
    assert [main(["init", str(folder), "--recipe", recipe]) for recipe, folder in folders.items()] == [0, 0]
    return folders


def judges_of(folder: Path, journal: Path, *settings: str) -> list[Judge]:
    session = Session(Project(load_config(folder / "seedbed.yaml", settings), folder), journal)
    try:
        return asked_judges(session.project)
    finally:
        session.journal.close()


def test_rules_bring_their_judge_and_samples_reach_every_one(projects: dict[str, Path], tmp_path: Path) -> None:
    settings = ("gates.judges=[grounded]", "gates.rules=[Say please.]", "gates.judge_samples=3")
    judges = judges_of(projects["grounded-qa"], tmp_path / "j", *settings)
    assert [(opened.aspect, opened.samples) for opened in judges] == [("grounded", 3), ("rules", 3)]
    assert judges[1].dump_state()["rules"] == ["Say please."]


@pytest.mark.parametrize(
    ("recipe", "setting", "message"),
    [
        ("grounded-qa", "gates.judges=[rules]", "has no rules"),
        ("grounded-qa", "gates.judges=[grouned]", 'did you mean "grounded"'),
        ("lab", "gates.judges=[grounded]", "does not fit lab rows"),
    ],
)
def test_a_judge_that_cannot_judge_is_named(
    projects: dict[str, Path], tmp_path: Path, recipe: str, setting: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        judges_of(projects[recipe], tmp_path / "j", setting)
