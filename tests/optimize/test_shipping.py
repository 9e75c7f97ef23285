"""Which program ships, what a compile says where none makes a row, and its exit code."""

import json
from pathlib import Path

import pytest
from support.prices import free

from metrics.worth import Worth
from optimize.comparison import Comparison, compare
from optimize.label_agreement import Agreement, agreement
from optimize.scoring import Scored
from optimize.shipping import decide, open_question
from programs.core.row import Drop, Source
from programs.formats.replies import CUT_OFF, UNREADABLE
from programs.qa.grounded_qa import QA
from seedbed.cli.main import main
from seedbed.models.call_context import Scope
from seedbed.runs.advice import advice


def rows(*fell: Drop | None, score: float = 0.9) -> list[Scored]:
    """A candidate a document; None for one that is accepted."""
    return [
        Scored(
            Source(id=str(n), group=str(n), inputs={}),
            QA(passage="Text.", question="Who?", answer="Ann.", dropped=drop if drop and drop.detail else None),
            Worth(score=0 if drop else score, drop=drop),
            Scope(str(n)),
        )
        for n, drop in enumerate(fell)
    ]


def comparison(before: list[Scored], after: list[Scored]) -> Comparison:
    return compare("uncompiled", before, "compiled", after, free)


UNREAD = Drop(step="ask_question", reason=UNREADABLE, detail="Sure!\n\nHere is   one:")
DROPPED = Drop(step="veto", reason="off topic")


def agreeing(before: float, after: float) -> Agreement:
    """A labelled step's agreement on twelve seeds, each of its own group."""
    scores = {"uncompiled": [before] * 12, "compiled": [after] * 12}
    return agreement("classify", "same", [str(n) for n in range(12)], scores)


def test_where_rows_say_nothing_people_s_labels_decide() -> None:
    same, less = rows(*[None, DROPPED] * 6), rows(*[DROPPED] * 12)
    alike, better, worse = comparison(same, same), agreeing(0.3, 0.9), agreeing(0.9, 0.3)
    assert open_question(alike)
    assert decide(alike, None, [better]).ships == "compiled"
    assert "classify agrees better with people's labels" in decide(alike, None, [better]).why
    assert decide(alike, None, [agreeing(0.5, 0.5)]).ships == "uncompiled"
    assert decide(alike, None, [better, worse]).ships == "uncompiled"
    assert decide(comparison(same, less), None, [better]).ships == "uncompiled"  # its rows are worse


def test_labels_are_not_asked_where_the_rows_decide() -> None:
    none, all_rows = rows(*[DROPPED] * 12), rows(*[None] * 12)
    assert not open_question(comparison(none, all_rows))
    assert not open_question(comparison(all_rows, rows(*[UNREAD] * 12)))
    assert not open_question(comparison(all_rows, all_rows), "compiled")
    assert not open_question(None)


def test_a_program_that_can_be_read_beats_one_that_cannot() -> None:
    readable, unreadable = rows(*[DROPPED] * 12), rows(*[UNREAD] * 12)
    decision = decide(comparison(unreadable, readable))
    assert decision.ships == "compiled"
    assert decision.why == "100% of what the uncompiled program writes cannot be read"
    assert decide(comparison(readable, unreadable)).ships == "uncompiled"
    assert decide(comparison(unreadable, unreadable)).ships == "uncompiled"


def test_one_that_can_seldom_be_read_does_not_beat_one_that_can_by_what_it_is_worth() -> None:
    seldom = rows(None, *[UNREAD] * 11, score=1.0)
    assert decide(comparison(rows(*[DROPPED] * 12), seldom)).ships == "uncompiled"


def test_among_two_that_can_be_read_the_compiled_one_needs_proof() -> None:
    some, more = rows(*[None] * 2, *[DROPPED] * 10), rows(*[None] * 12)
    assert decide(comparison(some, more)).ships == "compiled"
    assert decide(comparison(some, some)).ships == "uncompiled"
    assert decide(comparison(some, some), "compiled").ships == "compiled"


def test_a_standing_says_why_most_fell_and_shows_one() -> None:
    found = comparison(rows(*[UNREAD] * 7, *[DROPPED] * 5), rows(*[DROPPED] * 12))
    assert found.before.rejected == {UNREADABLE: 7, "off topic": 5}
    assert found.before.glimpse == "Sure! Here is one:"
    assert found.after.glimpse == "Who? / Ann."
    assert found.barren
    assert not comparison(rows(*[DROPPED] * 6), rows(None, *[DROPPED] * 5)).barren


def test_what_to_try_goes_by_the_reason() -> None:
    assert "max_tokens" in advice(CUT_OFF)
    assert "seeds" in advice(UNREADABLE)
    assert "teacher" in advice("a reason of a recipe's own")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_compile_after_which_nothing_makes_a_row_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    (folder / "teacher.py").write_text('def reply(prompt, draw):\n    return "Sure! What a text."\n', encoding="utf-8")
    config = folder / "seedbed.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("embedded/qwen2.5-coder-0.5b", "scripted/teacher.py"), "utf-8"
    )
    capsys.readouterr()
    sets = ["--set", "compile.optimizer=labeled", "--set", "compile.folds=0", "--set", "compile.compare=12"]
    assert main(["compile", "-c", str(config), *sets, *(["--json"] if as_json else [])]) == 1
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["comparison"]["after"]["rejected"]
        return
    assert "neither program made a row of" in printed
    assert "such as: Sure! What a text." in printed
    assert "\n  try " in printed
