"""A real model says the same of a row whatever it was asked before, by any worker, on any number of cores."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import dspy
import pytest

from metrics.likelihood import LIKELIHOODS, likelihood
from programs.core.background import run_sync
from programs.core.row import Exchange
from programs.judges.judge import JUDGES
from seedbed.config.models import ModelEntry
from seedbed.models.lm import TeacherLM
from seedbed.models.registry import Models
from seedbed.storage.journal import Journal

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]
MODEL = "embedded/smollm2-135m"
BRIDGE = "The bridge over the Arn opened in 1931. The old mill beside it was built in 1874 and burned down in 1902."
ROWS = [
    Exchange(text=BRIDGE, asked="When did the bridge open?", said="In 1931."),
    Exchange(text=BRIDGE, asked="When did the bridge open?", said="In 1874."),
    Exchange(text=BRIDGE, asked="What burned down in 1902?", said="The old mill beside the bridge."),
    Exchange(text=BRIDGE, asked="¿Cuándo se abrió el puente?", said='En "1931"\n(桥).'),
]
DEMOS = [
    (Exchange(text="The ferry takes 40 cars.", asked="How many cars does the ferry take?", said="40"), True),
    (Exchange(text="The ferry takes 40 cars.", asked="How many cars does the ferry take?", said="The ferry."), False),
]
Readings = dict[str, float | None]


def readings(rows: Sequence[Exchange], journal: Path, **entry: int) -> dict[str, Readings]:
    """By answer and question, what a fresh server says of each row, asked in this order."""
    told = dict[str, Readings]()
    kept = Journal(journal)
    models = Models({"m": ModelEntry(model=MODEL, **entry)}, journal.parent, kept)

    async def work(model: TeacherLM) -> None:
        judge, shown = JUDGES["correct"](), JUDGES["correct"]()
        judge.judge.format = shown.judge.format = "plain"
        shown.judge.demos = [shown.example(row, good=good, reason="") for row, good in DEMOS]
        for row in rows:
            likely = await likelihood(row, model)
            verdicts = {"correct": await judge.acall(row), "with demos": await shown.acall(row)}
            scores = {name: verdict.score for name, verdict in verdicts.items()}
            told[f"{row.prompt} {row.response}"] = {**likely, **scores}
        await models.aclose()

    with dspy.context(lm=models.lm("m")):
        run_sync(work(models.lm("m")))
    kept.close()
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Readings]:
    return readings(ROWS, tmp_path_factory.mktemp("told") / "journal.sqlite")


@pytest.mark.parametrize("order", [ROWS[::-1], ROWS[2:] + ROWS[:2], ROWS[3:]], ids=["backwards", "turned", "alone"])
def test_readings_are_the_same_in_any_order_and_by_any_server(
    told: dict[str, Readings], order: Sequence[Exchange], tmp_path: Path
) -> None:
    for row, said in readings(order, tmp_path / "journal.sqlite").items():
        assert said == told[row]


def test_readings_are_those_of_a_worker_that_has_fewer_cores(told: dict[str, Readings], tmp_path: Path) -> None:
    assert readings(ROWS, tmp_path / "journal.sqlite", threads=1) == told


def test_an_answer_of_the_document_is_likelier_than_another_of_its_numbers(told: dict[str, Readings]) -> None:
    right, wrong = (told[f"{row.prompt} {row.response}"]["answer_likelihood"] for row in ROWS[:2])
    assert right is not None
    assert wrong is not None
    assert right > wrong


def test_every_likelihood_is_there_and_a_verdict_that_can_be_read_is_neither_yes_nor_no(
    told: dict[str, Readings],
) -> None:
    for said, name in itertools.product(told.values(), LIKELIHOODS):
        assert said[name] is not None
    verdicts = [score for said in told.values() if (score := said["with demos"]) is not None]
    assert verdicts
    assert all(0 < score < 1 for score in verdicts)
