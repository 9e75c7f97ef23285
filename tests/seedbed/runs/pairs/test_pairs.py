"""`seedbed pairs`: preference rows from a finished run, through the command line and a scripted teacher."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from support.projects import calls, project, rows, run

from programs.core.kinds import Preference
from seedbed.cli.main import main
from seedbed.reports.explain import explain_row
from seedbed.runs.rows import candidate_of

CHEESE = "The moon is made of cheese and of nothing else at all."
RIVAL = f'''

_faithful = reply


def reply(prompt: str, draw: int) -> str:
    """Sampled answers are of cheese. The judge of two answers goes by the word in taste.txt, else it is right."""
    if first := _last(prompt, "first"):
        path, better = Path(__file__).with_name("taste.txt"), "second" if "cheese" in first else "first"
        verdicts = {{"right": better, "wrong": {{"first": "second", "second": "first"}}[better], "first": "first"}}
        taste = path.read_text() if path.exists() else "right"
        return _written({{"reasoning": "compared", "verdict": verdicts[taste]}}, prompt) if taste in verdicts else "?"
    if draw > 1000 and "answer" in _wanted(prompt):
        COUNT.open("a").write(".")
        return _written({{"answer": {CHEESE!r}}}, prompt)
    return _faithful(prompt, draw)
'''
QUICK = ["embedder=scripted/hashed-words", "verdicts=null", "gates.judges=[]", "gates.relevance=-1"]
SETS = [word for override in QUICK for word in ("--set", override)]


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = project(tmp_path_factory.mktemp("pairs") / "project")
    with (base / "teacher.py").open("a", encoding="utf-8") as file:
        file.write(RIVAL)
    assert run(base, base / "ds", "--uncompiled", "--rows", "6", *SETS) == 0
    return base


@pytest.fixture
def base(_made: Path, tmp_path: Path) -> Path:
    """A project with a run of six rows in its folder `ds`."""
    return shutil.copytree(_made, tmp_path / "project")


def pair(base: Path, *more: str, run: str = "ds") -> int:
    return main(["pairs", str(base / run), "-c", str(base / "seedbed.yaml"), *SETS, *more])


def report(base: Path, out: str = "ds-pairs") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((base / out / "run.json").read_text(encoding="utf-8"))
    return content


def text(turns: Any) -> str:
    return str(turns[-1]["content"])


def error(base: Path, capsys: pytest.CaptureFixture[str], *more: str, run: str = "ds") -> str:
    """The message of a command line that is a person's mistake."""
    capsys.readouterr()
    assert pair(base, *more, run=run) == 2
    return capsys.readouterr().err


def test_every_row_is_paired_with_a_new_answer_that_the_gate_rejects(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (base / "ds" / "journal.sqlite").read_bytes()
    assert pair(base) == 0
    parents, made = {row["id"]: row for row in rows(base / "ds")}, rows(base / "ds-pairs")
    assert len(made) == len(parents) == 6
    for row in made:
        lineage: Any = row["lineage"]
        parent = parents[lineage["parents"][0]]
        messages: Any = parent["messages"]
        assert row["prompt"] == messages[:1]
        assert row["chosen"] == messages[1:]
        assert text(row["rejected"]) == CHEESE
        assert row["score_chosen"] == parent["score"] > row["score_rejected"]
        assert row["margin"] == pytest.approx(row["score_chosen"] - row["score_rejected"], abs=1e-6)
        assert row["probability"] == 1.0
        assert row["models"] == ["small", "small"]
        assert lineage["source"] == parent["lineage"]["source"]
        assert isinstance(candidate_of(row, accepted=True), Preference)
    assert (base / "ds" / "journal.sqlite").read_bytes() == before
    said = capsys.readouterr().out
    assert "6 pairs from 6 prompts" in said
    assert "6 pairs with a new sample" in said
    longer = sum(len(text(row["chosen"])) > len(CHEESE) for row in made) / 6
    assert f"the longer one in {longer:.0%}" in said


def test_the_folder_loads_as_a_dataset_with_the_splits_of_the_run(base: Path) -> None:
    assert pair(base) == 0
    of_run, of_pairs = load_dataset(str(base / "ds")), load_dataset(str(base / "ds-pairs"))
    assert of_pairs.num_rows == of_run.num_rows
    assert {"prompt", "chosen", "rejected", "score_chosen", "margin"} <= {*of_pairs["train"].column_names}
    assert "6 pairs from 6 prompts" in (base / "ds-pairs" / "README.md").read_text(encoding="utf-8")


def test_a_person_is_asked_which_answer_of_a_pair_is_better(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person always finds the answer of cheese worse, whichever side it is on, but for the last pair."""
    assert pair(base) == 0
    capsys.readouterr()
    sides = []

    def typed(question: str, **options: Any) -> str:
        if question == "why":
            return ""
        shown = capsys.readouterr().out
        sides.append("1" if f"2: {CHEESE}" in shown else "2")
        assert f"{3 - int(sides[-1])}: {CHEESE}" in shown
        return sides[-1] if len(sides) < 6 else str(3 - int(sides[-1]))

    monkeypatch.setattr("typer.prompt", typed)
    assert main(["label", str(base / "ds-pairs"), "-c", str(base / "seedbed.yaml")]) == 0
    assert {*sides} == {"1", "2"}
    lines = (base / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line)["label"] for line in lines if '"row-' in line]
    assert labels == [1, 1, 1, 1, 1, 0]
    assert main(["export", str(base / "ds-pairs"), "--to", "trl-dpo", "--out", str(base / "dpo"), "--anyway"]) == 0
    record = json.loads((base / "dpo" / "export.json").read_text(encoding="utf-8"))
    assert sum(record["lines"].values()) == 5
    assert record["left_out"] == {"a person called it bad": 1}


@pytest.mark.slow
def test_the_pairs_have_a_report_too(base: Path) -> None:
    assert pair(base, "--set", "report=true") == 0
    page = (base / "ds-pairs" / "report.html").read_text(encoding="utf-8")
    assert "6 rows" in page
    assert page.count(CHEESE) >= 2  # rejected answers are shown


def test_a_second_call_pays_nothing_and_gives_the_same_pairs(base: Path) -> None:
    pair(base)
    paid, made = calls(base), rows(base / "ds-pairs")
    assert pair(base) == 0
    assert calls(base) == paid
    assert rows(base / "ds-pairs") == made


@pytest.mark.parametrize(
    ("taste", "reason"), [("first", "orders disagree"), ("wrong", "rejected answer preferred"), ("none", "unreadable")]
)
def test_a_pair_stays_only_if_the_judge_prefers_the_better_answer_in_both_orders(
    base: Path, taste: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (base / "taste.txt").write_text(taste, encoding="utf-8")
    assert pair(base) == 1
    assert rows(base / "ds-pairs") == []
    said = capsys.readouterr().out
    assert f"6 prompts without a pair: {reason}" in said
    assert ("goes by the order" in said) == (reason == "orders disagree")
    assert pair(base, "--no-judge") == 0
    assert len(rows(base / "ds-pairs")) == 6
    assert "no judge is asked" in capsys.readouterr().err
    assert {row["probability"] for row in rows(base / "ds-pairs")} == {None}


def test_a_cap_ends_the_work_and_a_higher_one_goes_on_from_what_was_paid(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = calls(base)
    assert pair(base, "--set", "run.max_calls=11") == 1
    assert calls(base) - before <= 11
    assert "run.max_calls" in capsys.readouterr().out
    assert pair(base) == 0
    once = calls(base) - before
    shutil.rmtree(base / "ds-pairs")
    assert pair(base) == 0
    assert calls(base) - before == 2 * once
    assert len(rows(base / "ds-pairs")) == 6


def test_a_pair_explains_itself(base: Path) -> None:
    pair(base)
    row = rows(base / "ds-pairs")[0]
    explanation = explain_row(base / "ds-pairs", str(row["id"]))
    assert [parent.rows for parent in explanation.parents] == [str(base / "ds")]
    assert {call.step for call in explanation.calls or []} >= {"AnswerQuestion", "JudgePreference"}
    assert explanation.response == text(row["chosen"])


def test_answers_of_the_run_are_paired_without_a_call(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two candidates of one question: the run's own rejected one is the worse answer."""
    twin_of(base / "ds")
    before = calls(base)
    assert pair(base, "--samples", "0", "--no-judge") == 0
    assert calls(base) == before
    (row,) = rows(base / "ds-pairs")
    assert text(row["rejected"]) == "It is never said."
    assert "1 pairs with a rejected answer of the run" in capsys.readouterr().out


def test_a_recipe_that_answers_once_pairs_only_what_its_run_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = project(tmp_path / "project", "self-instruct")
    assert run(base, base / "ds", "--uncompiled", "--rows", "2", *SETS) == 0
    said = error(base, capsys)
    assert "self-instruct has no step that can be asked again" in said
    assert "No prompt of" in said


def test_a_row_that_a_person_called_bad_is_in_no_pair(base: Path) -> None:
    from seedbed.review.label import rows_to_label

    accepted = {str(row["answer"]) for row in rows(base / "ds")}
    cases = [asked.case for asked in rows_to_label(base / "ds", base / "none.jsonl")]
    case = next(case for case in cases if case.answer in accepted)
    (base / "ds" / "verdicts.jsonl").write_text(case.model_dump_json() + "\n", encoding="utf-8")
    assert pair(base) == 0
    assert case.answer not in {text(row["chosen"]) for row in rows(base / "ds-pairs")}
    assert len(rows(base / "ds-pairs")) == 5


def test_mistakes_are_told_with_what_to_do(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no finished run" in error(base, capsys, run="nowhere")
    assert "--samples 2" in error(base, capsys, "--samples", "0")
    assert "has other files in it" in error(base, capsys, "--out", str(base / "documents"))
    assert "something else than pairs" in error(base, capsys, "--out", str(base / "ds"))
    assert "--samples 0" in error(base, capsys, "--set", "verdicts=verdicts.jsonl", "--set", "metric=none.json")
    assert pair(base) == 0
    assert "holds pairs already" in error(base, capsys, run="ds-pairs")
    settings = (base / "seedbed.yaml").read_text(encoding="utf-8")
    (base / "seedbed.yaml").write_text(settings.replace("recipe: grounded-qa", "recipe: lab"), encoding="utf-8")
    assert "holds a run of grounded-qa" in error(base, capsys)


def test_an_answer_that_another_gate_rejected_first_is_still_kept_out_if_it_is_of_a_test_set(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = "It is nowhere said by anybody how often the mill turns in a year."
    twin_of(base / "ds", item)
    (base / "test.txt").write_text(f"{item}\n", encoding="utf-8")
    without = error(base, capsys, "--samples", "0", "--no-judge", "--set", "gates.test_sets=[test.txt]")
    assert "has two answers, and no answer is sampled" in without
    assert pair(base, "--samples", "0", "--no-judge", "--out", str(base / "open")) == 0


def twin_of(folder: Path, answer: str = "It is never said.") -> None:
    """Adds to a run a rejected candidate with the question of its first row and another answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from seedbed.storage.row_schema import REJECTED

    row: dict[str, Any] = rows(folder)[0]
    candidate = {name: row[name] for name in ("passage", "question", "answerable", "invented")}
    rejected = {
        "id": "twin",
        "step": "veto",
        "reason": "unsupported",
        "detail": "",
        "candidate": json.dumps({**candidate, "answer": answer}),
        "score": 0.0,
        "scores": [],
        "unscored": [],
        "lineage": row["lineage"],
    }
    (folder / "rejected").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist([rejected], REJECTED), folder / "rejected" / "twin.parquet")
