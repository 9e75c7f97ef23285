"""gates.checks: a project's own rules in Python, and errors about them for people."""

import asyncio
import dataclasses
from pathlib import Path

import pytest
from support.kettle import ANSWER, METRIC, PASSAGE, QUESTION, qa
from support.kinds import Dialogue

from metrics.metric import Bars, Metric
from programs.core.instance import Task
from programs.core.row import Drop, Exchange
from seedbed.compiling.user_rules import user_rules
from seedbed.errors import UserError

RULES = """
async def names_the_unit(row):
    return None if "litre" in row.answer else f"{row.answer!r} has no unit"

def fails(row):
    raise ValueError("no such table")
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "rules.py").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_a_rule_of_the_project_rejects_rows_in_its_own_words(base: Path) -> None:
    metric = Metric(
        METRIC.recipe, METRIC.embed, Bars(relevance=0.2), checks=user_rules(["rules.py:names_the_unit"], base)
    )
    assert asyncio.run(metric.judged(qa())).drop is None
    drop = asyncio.run(metric.judged(qa(answer="At least 0.5."))).drop
    assert drop == Drop(step="check", reason="names the unit", detail="'At least 0.5.' has no unit")


def test_a_rule_waits_until_the_row_has_a_response(base: Path) -> None:
    metric = Metric(METRIC.recipe, METRIC.embed, Bars(relevance=0.2), checks=user_rules(["rules.py:fails"], base))
    assert asyncio.run(metric.veto(qa(answer=""))) is None


def test_another_rule_is_another_metric(base: Path) -> None:
    def hash_of() -> str:
        return Metric(METRIC.recipe, METRIC.embed, Bars(), checks=user_rules(["rules.py:names_the_unit"], base)).hash

    before = hash_of()
    assert before == hash_of()
    (base / "rules.py").write_text(RULES.replace("litre", "pint"), encoding="utf-8")
    assert before != hash_of()


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ("rules.py", "names no function"),
        ("rules.txt:names_the_unit", "names no function"),
        ("other.py:names_the_unit", "there is no"),
        ("rules.py:absent", "has no function absent"),
        ("broken.py:names_the_unit", "cannot be imported: SyntaxError"),
    ],
)
def test_a_rule_that_cannot_be_used_is_an_error_for_people(base: Path, check: str, problem: str) -> None:
    (base / "broken.py").write_text("def names_the_unit(row) return\n", encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        user_rules([check], base)


def test_a_rule_that_fails_on_a_row_says_where(base: Path) -> None:
    (rule,) = user_rules(["rules.py:fails"], base)
    with pytest.raises(UserError, match=r"rules\.py:fails failed on a row: ValueError: no such table"):
        asyncio.run(rule(qa()))  # type: ignore[arg-type]


def test_a_rule_sees_finished_rows_alone_and_prompts_too(base: Path) -> None:
    (base / "rules.py").write_text("def no(row):\n    return 'no ' + type(row).__name__\n", encoding="utf-8")
    rules = user_rules(["rules.py:no"], base)
    talk = Dialogue(asked=QUESTION, turns=[Exchange(text=PASSAGE, asked=QUESTION, said=ANSWER)])
    metric = Metric(METRIC.recipe, METRIC.embed, Bars(relevance=0.0, support=0.0), checks=rules)
    assert asyncio.run(metric.veto(qa())) is None
    for row, kind in ((talk, "Dialogue"), (Task(instruction="Name a bird that fishes."), "Task")):
        free = Metric(dataclasses.replace(METRIC.recipe, checks=()), METRIC.embed, METRIC.bars, checks=rules)
        drop = asyncio.run(free.judged(row)).drop
        assert drop
        assert drop.detail == f"no {kind}"
