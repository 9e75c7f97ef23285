"""A cascade through the command line: what the cheap teacher's rows do not pass is tried once by the strong one."""

import json
from typing import Any

import pytest
from aiohttp import web
from support.hostile import sends, status
from support.served import COST, Served, answer, by_model, every, served, well

__all__ = ["served"]
BAD = "[[ ## answer ## ]]\nThe moon is made of cheese and of nothing else at all.\n\n[[ ## completed ## ]]"


async def poor(request: web.Request) -> web.StreamResponse:
    """Good questions, and for every other document an answer that no document gives."""
    text = json.loads(await request.read())["messages"][-1]["content"]
    bad = "`[[ ## answer ## ]]`" in text and len(text) % 2
    return await (sends(answer(BAD)) if bad else well)(request)


def cascade(config: dict[str, Any]) -> None:
    entry = config["models"].pop("mock")
    cheap = entry | {"input_price": entry["input_price"] / 10, "output_price": entry["output_price"] / 10}
    config["models"] = {"cheap": cheap | {"model": "cheap"}, "strong": entry | {"model": "strong"}}
    config["roles"] = {"teacher": ["cheap", "strong"]}


@pytest.fixture
def both(served: Served) -> Served:
    """A cascade whose cheap teacher is poor."""
    served.change(cascade)
    served.server.plan(by_model(cheap=poor, strong=well))
    return served


def test_what_the_cheap_teacher_fails_at_is_tried_once_by_the_strong_one(
    both: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert both.run(rows=12) == 0
    report, rows = both.report(), both.rows()
    assert {row["lineage"]["teacher"] for row in rows} == {"cheap", "strong"}
    for alias, tried in report["teachers"].items():
        assert tried["accepted"] == sum(row["lineage"]["teacher"] == alias for row in rows) > 0
    failed = {row["lineage"]["source"] for row in both.rows(folder="rejected") if row["lineage"]["teacher"] == "cheap"}
    assert failed
    assert {row["lineage"]["source"] for row in rows if row["lineage"]["teacher"] == "strong"} <= failed
    assert report["teachers"]["strong"]["sources"] == len(failed)
    said = capsys.readouterr().out
    assert f"strong: {report['teachers']['strong']['accepted']} rows from {len(failed)} sources, $" in said
    assert " a row" in said
    assert "strong: " in (both.base / "ds" / "README.md").read_text(encoding="utf-8")


def test_what_the_cheap_teacher_is_good_at_is_paid_to_nobody_else(both: Served) -> None:
    assert both.run(rows=12) == 0
    tried, made = both.report()["teachers"], both.rows() + both.rows(folder="rejected")
    passed = {row["lineage"]["source"] for row in both.rows() if row["lineage"]["teacher"] == "cheap"}
    assert not passed & {row["lineage"]["source"] for row in made if row["lineage"]["teacher"] == "strong"}
    for alias, price in {"cheap": COST / 10, "strong": COST}.items():
        spent = [row["lineage"]["dollars"] for row in made if row["lineage"]["teacher"] == alias]
        assert tried[alias]["dollars"] == pytest.approx(sum(spent))
        assert {round(one / price, 3) for one in spent} <= {1, 2, 3}  # question, answer, round trip


def test_a_cascade_taken_up_again_pays_nothing_and_gives_the_same_bytes(both: Served) -> None:
    both.run(rows=5)
    paid = len(both.server.bodies)
    both.run(rows=5)
    assert len(both.server.bodies) == paid
    both.run(rows=12)
    both.run("fresh", rows=12)
    assert both.bytes() == both.bytes("fresh")


def test_a_source_at_which_the_cheap_teacher_failed_to_answer_is_tried_again(both: Served) -> None:
    both.server.plan(by_model(cheap=every(4, status(400)), strong=sends(answer(BAD))))
    both.run(rows=100)
    failed = {row["lineage"]["source"] for row in both.rows(folder="rejected") if row["reason"] == "teacher failed"}
    both.server.plan(by_model(cheap=well, strong=well))
    both.run(rows=100)
    assert failed
    assert failed <= {row["lineage"]["source"] for row in both.rows() if row["lineage"]["teacher"] == "cheap"}


def test_the_licence_of_every_teacher_whose_rows_may_be_kept_is_looked_at(both: Served) -> None:
    both.change(lambda config: config["models"]["cheap"].update(allows_training=True))
    both.run(rows=2)
    assert ["strong" in warning for warning in both.report()["warnings"]] == [True]


def test_a_row_to_label_is_its_own_teachers(both: Served, capsys: pytest.CaptureFixture[str]) -> None:
    from seedbed.review.label import rows_to_label

    both.run(rows=12)
    cases = [asked.case for asked in rows_to_label(both.base / "ds", both.base / "verdicts.jsonl")]
    assert {case.teacher for case in cases} == {"cheap", "strong"}


@pytest.mark.parametrize("role", ["teacher", "judge"])
def test_where_a_roles_model_fails_its_fallback_is_asked_and_paid_at_its_own_price(
    served: Served, role: str, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    def bind(config: dict[str, Any]) -> None:
        entry = config["models"]["mock"]
        config["models"] |= {
            "frail": entry | {"model": "frail", "input_price": 50.0},
            "spare": entry | {"model": "spare", "input_price": 10 * entry["input_price"], "output_price": 40.0},
        }
        config["roles"] = {"teacher": "mock", "judge": "mock", role: "frail"}
        config["fallback"] = {role: "spare"}
        config["gates"]["judges"] = ["grounded"]

    served.change(bind)
    served.server.plan(by_model(mock=well, frail=status(500), spare=well))
    assert served.run(rows=4) == 0
    ledger, each = served.report()["ledger"], {"mock": COST, "spare": 10 * COST}
    for alias, price in each.items():
        paid = ledger[alias]["usd"] - ledger[alias]["unanswered_usd"]  # calls in flight at the end are not answered
        assert paid == pytest.approx((ledger[alias]["calls"] - ledger[alias]["unanswered"]) * price)
        assert ledger[alias]["calls"] > 3
    failed = ledger.get("frail", {"usd": 0, "unanswered_usd": 0})
    assert failed["usd"] == failed["unanswered_usd"]
    assert capsys.readouterr().err.count("such calls go to spare") == 1
