"""`seedbed explain` and `seedbed prompt`: what is shown is what was sent, and looking changes nothing."""

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.artefacts import made as artefact_named
from support.paths import TEACHER
from support.projects import short_passages

from optimize import artefact
from programs.core.background import run_sync
from programs.core.program import Program
from programs.instructions.lab import Lab
from programs.qa.grounded_qa import GroundedOptions, GroundedQA, QASeed
from seedbed.cli.main import main
from seedbed.reports.explain import explain_row
from seedbed.reports.page import Page
from seedbed.storage.journal import Journal
from seedbed.storage.run_reader import Records

KEPT = ("remote-work-policy.md", "canal-history.md")  # few documents, or every run would embed hundreds of passages


def project(folder: Path, recipe: str = "grounded-qa") -> Path:
    """`seedbed init`, a scripted teacher, few documents."""
    assert main(["init", str(folder), "--recipe", recipe]) == 0
    shutil.copy(TEACHER, folder / "teacher.py")
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    (folder / "seedbed.yaml").write_text(
        short_passages(config.replace("embedded/qwen2.5-coder-0.5b", "scripted/teacher.py")), encoding="utf-8"
    )
    for path in (folder / "documents").glob("*") if recipe == "grounded-qa" else []:
        if path.name not in KEPT:
            path.unlink()
    return folder


def run(folder: Path, out: Path, rows: int, *more: str) -> None:
    command = ["run", "-c", str(folder / "seedbed.yaml"), "--out", str(out), "--rows", str(rows), "--uncompiled"]
    assert main([*command, *more]) == 0


def seeds(folder: Path) -> list[QASeed]:
    lines = (folder / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
    return [QASeed.model_validate_json(line) for line in lines]


def show_demos(program: Program, shown: list[QASeed]) -> None:
    """Demos of seeds, and another message format for each step."""
    for name, format in (("ask_question", "json"), ("answer_question", "compact")):
        step = program.step(name)
        step.format = format
        step.demos = [
            dspy.Example(**{field: getattr(seed, field) for field in step.signature.fields}) for seed in shown
        ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose program, as written, shows two demos in two message formats."""
    folder = project(tmp_path_factory.mktemp("explain") / "project")
    shown = [seed for seed in seeds(folder) if seed.answer][:2]
    init = GroundedQA.__init__

    def with_demos(self: GroundedQA, options: GroundedOptions | None = None) -> None:
        init(self, options)
        show_demos(self, shown)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GroundedQA, "__init__", with_demos)
        yield folder


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Path:
    run(folder, folder / "ds", 5)
    return folder / "ds"


def rows_in(out: Path, part: str) -> list[dict[str, Any]]:
    return [row for path in sorted(out.glob(f"{part}/*.parquet")) for row in pq.read_table(path).to_pylist()]


def explain(capsys: pytest.CaptureFixture[str], out: Path, id: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["explain", str(out), id, "--json"]) == 0
    explanation: dict[str, Any] = json.loads(capsys.readouterr().out)
    return explanation


def text(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    assert main([*command]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    assert main([*command]) == 2
    return capsys.readouterr().err


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# explain


def test_a_row_is_shown_with_its_source_scores_and_calls(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = rows_in(dataset, "rows")[0]
    page = text(capsys, "explain", str(dataset), row["id"])
    assert f"{row['id']}  accepted  score {row['score']:.2f}" in page
    (span,) = row["lineage"]["spans"]
    assert f"source: {span['document']}, characters {span['start']} to {span['end']}" in page
    assert f">>{row['answer']}<<" in page  # the scripted teacher answers with a sentence of the passage
    for score in row["scores"]:
        shown = next(line for line in page.splitlines() if line.startswith(f"{score['part']} "))
        tells = score["reason"] and (score["part"] in row["lineage"]["judges"] or score["score"] < 0.5)
        assert shown.split(maxsplit=score["part"].count(" ") + 2)[-1] == (
            score["reason"] if tells else shown.split()[-1]
        )
    assert row["question"] in page
    assert row["lineage"]["program"] in page


def test_the_calls_are_those_that_made_the_row(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for row in rows_in(dataset, "rows"):
        explanation = explain(capsys, dataset, row["id"])
        steps = [call["step"] for call in explanation["calls"]]
        assert steps[:2] == ["ask_question", "answer_question"]
        assert {f"judge {judge}" for judge in explanation["judges"]} <= set(steps)
        assert all(row["passage"] in call["messages"][-1]["text"] for call in explanation["calls"][:2])
        assert row["question"] in explanation["calls"][0]["reply"]
        assert row["answer"] in explanation["calls"][1]["reply"]
        assert sum(call["input_tokens"] for call in explanation["calls"]) == row["lineage"]["input_tokens"]
        assert not any(call["sibling"] for call in explanation["calls"])


def test_hashes_model_and_judges_reasons_are_named(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads((dataset / "run.json").read_text(encoding="utf-8"))
    explanation = explain(capsys, dataset, rows_in(dataset, "rows")[0]["id"])
    assert (explanation["program"], explanation["metric"]) == (report["program"], report["metric"])
    assert {call["model"] for call in explanation["calls"]} == {"scripted/teacher.py"}
    reasons = {score["part"]: score["reason"] for score in explanation["scores"]}
    assert all(reasons[judge] for judge in explanation["judges"] if judge in reasons)


def test_a_demo_is_named_by_its_seed(folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explanation = explain(capsys, dataset, rows_in(dataset, "rows")[0]["id"])
    shown = [[seed.id] for seed in seeds(folder) if seed.answer][:2]
    for call in explanation["calls"][:2]:
        assert call["demos"] == shown
    assert f"demos of {shown[0][0]}; {shown[1][0]}" in text(capsys, "explain", str(dataset), explanation["id"])


def test_a_rejected_candidate_is_explained_too(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = rows_in(dataset, "rejected")[0]
    explanation = explain(capsys, dataset, row["id"])
    assert explanation["rejected"] == {name: row[name] for name in ("step", "reason", "detail")}
    assert explanation["prompt"] in explanation["calls"][0]["reply"]
    assert f"rejected at {row['step']}: {row['reason']}" in text(capsys, "explain", str(dataset), row["id"])


def test_the_cited_sentences_are_the_ones_of_the_answer(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for row in rows_in(dataset, "rows"):
        source = explain(capsys, dataset, row["id"])["source"]
        assert [source["text"][start:end] for start, end in source["cited"]] == [row["answer"]]
        assert source["missing"] == []


def test_a_terminal_shows_colours_where_a_file_has_marks(dataset: Path) -> None:
    explanation = explain_row(dataset, (row := rows_in(dataset, "rows")[0])["id"])
    output = io.StringIO()
    Page(Console(file=output, force_terminal=True, color_system="standard", width=2000)).explanation(explanation)
    assert ">>" not in output.getvalue()
    green = re.findall(r"\x1b\[(?:1;4;)?32m(.*?)\x1b\[0m", output.getvalue())
    assert row["answer"] in "".join(green)


def test_a_row_names_the_rows_it_was_made_from_and_their_run(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "ds")
    read, own = (row["id"] for row in rows_in(dataset, "rows")[:2])
    rewritten(tmp_path / "ds", lambda row: {"lineage": row["lineage"] | {"parents": ["a1", "a2", read]}})
    assert f"made from a1, a2, whose run is not known\nmade from {read} of {tmp_path / 'ds'}\n" in text(
        capsys, "explain", str(tmp_path / "ds"), own
    )
    report = json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))
    report["config"]["sources"]["rows"] = "runs/first"
    (tmp_path / "ds" / "run.json").write_text(json.dumps(report), encoding="utf-8")
    parents = explain(capsys, tmp_path / "ds", own)["parents"]
    assert [(parent["id"], parent["rows"]) for parent in parents] == [
        ("a1", "runs/first"),
        ("a2", "runs/first"),
        (read, str(tmp_path / "ds")),
    ]


def rewritten(out: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change these columns of the accepted rows."""
    for path in out.glob("rows/*.parquet"):
        table = pq.read_table(path)
        pq.write_table(pa.Table.from_pylist([row | change(row) for row in table.to_pylist()], table.schema), path)


def flat(path: Path) -> None:
    """Write a shard as it was before rows had a lineage: its fields are columns."""
    table = pq.read_table(path)
    rows = [{**row.pop("lineage"), **row} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_rows_of_an_older_version_are_named_and_the_same_command_renews_them(
    folder: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "ds")
    new = {path: path.read_bytes() for path in tmp_path.glob("ds/r*/*.parquet")}
    for path in new:
        flat(path)
    message = refusal(capsys, "explain", str(tmp_path / "ds"), rows_in(dataset, "rows")[0]["id"])
    assert "was written by an older Seedbed: it has no column lineage" in message
    assert "older Seedbed" in refusal(capsys, "label", str(tmp_path / "ds"), "-c", str(folder / "seedbed.yaml"))
    run(folder, tmp_path / "ds", 5)
    assert {path: path.read_bytes() for path in tmp_path.glob("ds/r*/*.parquet")} == new


def test_the_beginning_of_an_id_is_enough(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [row["id"] for part in ("rows", "rejected") for row in rows_in(dataset, part)]
    for id in ids:
        short = next(id[:n] for n in range(1, 17) if sum(candidate.startswith(id[:n]) for candidate in ids) == 1)
        assert explain(capsys, dataset, short)["id"] == id


def test_an_id_that_is_not_there_or_not_alone_says_what_to_do(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = rows_in(dataset, "rows")[0]["id"]
    assert "no row and no rejected candidate with the id 'xyz'" in refusal(capsys, "explain", str(dataset), "xyz")
    assert some in refusal(capsys, "explain", str(dataset), "")
    assert "holds no run" in (message := refusal(capsys, "explain", str(tmp_path), some))
    assert "seedbed run" in message
    assert "holds no run" in refusal(capsys, "explain", str(tmp_path / "nowhere"), some)
    (tmp_path / "journal.sqlite").touch()  # a run that has only just begun
    assert "no finished shard yet" in refusal(capsys, "explain", str(tmp_path), some)


def test_looking_needs_the_folder_alone_and_leaves_it_as_it_was(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.models.embedder._model", lambda name: pytest.fail("a model was opened"))
    shutil.copytree(dataset, tmp_path / "moved")
    before, id = files(tmp_path), rows_in(dataset, "rows")[0]["id"]
    assert explain(capsys, tmp_path / "moved", id) == explain(capsys, dataset, id)
    assert files(tmp_path) == before


def test_a_run_that_is_going_does_not_hide_its_rows(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    id = rows_in(dataset, "rows")[0]["id"]
    before = explain(capsys, dataset, id)
    journal = Journal(dataset / "journal.sqlite")  # as a run holds it: locked
    try:
        assert explain(capsys, dataset, id) == before
        run_sync(journal.record("s", "id", {"n": 1}))
        assert explain(capsys, dataset, id) == before
    finally:
        journal.close()


def test_what_a_killed_run_left_in_its_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    journal = Journal(tmp_path / "journal.sqlite")
    run_sync(journal.record("setup", "id", {"n": 1}))
    for path in tmp_path.glob("journal.sqlite*"):  # as the disk is when the process is killed
        shutil.copy(path, tmp_path / "killed")
    journal.close()
    records = Records(tmp_path / "killed" / "journal.sqlite")
    assert records.outcome("id", None) == ("setup", {"n": 1})
    records.close()


def test_without_its_journal_a_row_still_has_its_scores(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(dataset, tmp_path / "ds")
    (tmp_path / "ds" / "journal.sqlite").unlink()
    id = rows_in(dataset, "rows")[0]["id"]
    whole, bare = explain(capsys, dataset, id), explain(capsys, tmp_path / "ds", id)
    assert bare["calls"] is None
    assert (bare["scores"], bare["metric"]) == (whole["scores"], whole["metric"])
    assert "not in the run's journal" in text(capsys, "explain", str(tmp_path / "ds"), id)


def test_rows_are_explained_by_the_setup_that_made_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, tmp_path / "ds", 2)
    run(folder, tmp_path / "ds", 2, "--set", "gates.relevance=0.2")
    report = json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))
    for part in ("rows", "rejected"):
        for row in rows_in(tmp_path / "ds", part):
            assert explain(capsys, tmp_path / "ds", row["id"])["metric"] == report["metric"]


def test_calls_for_other_questions_of_the_attempt_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = project(tmp_path / "lab", "lab")
    run(lab, tmp_path / "ds", 3, "--set", "gates.near_duplicate=1.0")
    rows = rows_in(tmp_path / "ds", "rows")
    mates = {row["question"] for row in rows if row["lineage"]["attempt"] == rows[0]["lineage"]["attempt"]}
    assert len(mates) > 1
    explanation = explain(capsys, tmp_path / "ds", rows[0]["id"])
    assert explanation["candidates"] > 1
    for call in explanation["calls"]:
        prompt = "".join(message["text"] for message in call["messages"])
        assert call["sibling"] == (call["step"] != "ask_from_topic" and rows[0]["question"] not in prompt)
    own = [call["step"] for call in explanation["calls"] if not call["sibling"]]
    assert own[:3] == ["ask_from_topic", "check_question", "answer_for_task"]
    for row in rows:
        calls = explain(capsys, tmp_path / "ds", row["id"])["calls"]
        prompts = ["".join(message["text"] for message in call["messages"]) for call in calls if not call["sibling"]]
        assert any(row["question"] in prompt for prompt in prompts)  # of its own place among the candidates
    page = text(capsys, "explain", str(tmp_path / "ds"), rows[0]["id"])
    assert "calls made other candidates" in page
    assert all(page.count(question) <= 1 for question in mates - {rows[0]["question"]})  # in the reply that asks


def test_a_row_is_explained_by_the_setup_that_wrote_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    for setup in ("first", "second"):
        run_sync(journal.record(setup, "id", {"made": setup}))
    journal.close()
    records = Records(tmp_path / "journal.sqlite")
    assert [records.outcome("id", setup)[1].get("made") for setup in ("first", "second", None, "third")] == [
        "first",
        "second",
        "second",
        None,
    ]
    records.close()


# the set


def test_a_run_taken_up_again_is_worth_what_one_in_a_go_is(folder: Path, dataset: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "ds", 2)
    run(folder, tmp_path / "ds", 5)
    ours, theirs = (json.loads((out / "run.json").read_text(encoding="utf-8")) for out in (tmp_path / "ds", dataset))
    assert ours["variety"] == theirs["variety"]
    assert ours["variety"]["rows"] == 5


def test_the_card_and_the_summary_say_what_the_set_is_worth(
    folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json.loads((dataset / "run.json").read_text(encoding="utf-8"))["variety"]
    passages = f"{report['chunks']['reached']} of {report['chunks']['total']}"
    assert report["chunks"]["reached"] == len({row["lineage"]["source"] for row in rows_in(dataset, "rows")})
    assert f"| sources with a row | {passages} |" in (dataset / "README.md").read_text(encoding="utf-8")
    capsys.readouterr()
    run(folder, dataset, 5)
    assert f"sources: {passages} have a row" in capsys.readouterr().out


# prompt


def test_a_prompt_is_what_is_sent(folder: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts = {entry["step"]: entry for entry in json.loads(text(capsys, *prompt(folder), "--json"))}
    row = rows_in(dataset, "rows")[0]
    values = {"document": row["passage"], "question": row["question"], "answer": row["answer"], "claim": row["answer"]}
    calls = explain(capsys, dataset, row["id"])["calls"]
    judges = [call for call in calls if call["step"].startswith("judge ")]
    assert judges
    for call in [*calls[:2], *judges]:
        sent = [(message["role"], message["text"]) for message in call["messages"]]
        entry = prompts[call["step"]]
        assert filled(entry, values) == sent
        assert entry["demos"] == call["demos"]


def prompt(folder: Path, *more: str) -> list[str]:
    return ["prompt", *more, "-c", str(folder / "seedbed.yaml"), "--uncompiled"]


def filled(entry: dict[str, Any], values: dict[str, str]) -> list[tuple[str, str]]:
    messages = []
    for message in entry["messages"]:
        content = message["text"]
        for name in entry["inputs"]:
            content = content.replace(f"<{name}>", values[name])
        messages.append((message["role"], content))
    return messages


def test_a_prompt_is_printed_with_its_size_and_its_demos(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = text(capsys, *prompt(folder, "ask_question"))
    (entry,) = json.loads(text(capsys, *prompt(folder, "ask_question"), "--json"))
    assert f"ask_question: json, 2 demos, {entry['characters']:,} characters, about {entry['tokens']:,} tokens" in page
    assert "<document>" in page
    assert "answer_question" not in page
    assert entry["characters"] == sum(len(message["text"]) for message in entry["messages"]) - len("<document>")


def test_a_judge_is_named_by_its_aspect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (entry,) = json.loads(text(capsys, *prompt(folder, "correct"), "--json"))
    assert entry["step"] == "judge correct"
    assert "<document>" in entry["messages"][-1]["text"]


def test_a_step_that_is_not_there_names_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'did you mean "ask_question"?' in refusal(capsys, *prompt(folder, "ask_qestion"))


def test_without_a_compiled_program_both_ways_on_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(capsys, "prompt", "-c", str(folder / "seedbed.yaml"))
    assert "seedbed compile" in message
    assert "--uncompiled" in message


def test_a_compiled_prompt_needs_no_model(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder, tmp_path / "p", ignore=shutil.ignore_patterns("ds"))
    (tmp_path / "p" / "teacher.py").unlink()
    path = tmp_path / "p" / "compiled" / "grounded-qa" / "small.json"
    artefact.save(artefact_named("How many rings has the bell?"), path)
    before = files(tmp_path)
    page = text(capsys, "prompt", "ask_question", "-c", str(tmp_path / "p" / "seedbed.yaml"))
    assert "How many rings has the bell?" in page
    assert f"compiled: {path}" in page
    assert files(tmp_path) == before
    artefact.save(artefact_named("And now?", ships="uncompiled", why="the gain is not clear"), path)
    page = text(capsys, "prompt", "ask_question", "-c", str(tmp_path / "p" / "seedbed.yaml"))
    assert "a run uses the uncompiled program instead, for the gain is not clear" in page


def test_every_recipe_has_prompts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = text(capsys, *prompt(project(tmp_path / "lab", "lab")))
    assert all(f"── {name}: " in shown for name, _ in Lab().named_predictors())
