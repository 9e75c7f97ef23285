"""The commands through their door, with a scripted teacher: from init to load_dataset, and every mistake."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.paths import TEACHER
from support.projects import calls, project, rows, run

from seedbed.cli.main import main


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project whose teacher is scripted, compiled once."""
    folder = project(tmp_path_factory.mktemp("scripted") / "project")
    assert main(["compile", "-c", str(folder / "seedbed.yaml")]) == 0
    return folder


def test_compile_run_and_load(compiled: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    assert run(compiled, tmp_path / "ds", "--rows", "12") == 0
    dataset = load_dataset(str(tmp_path / "ds"))
    loaded = [row for split in dataset.values() for row in split]
    assert len(loaded) == 12
    assert {row["id"] for row in loaded} == {row["id"] for row in rows(tmp_path / "ds")}
    assert [message["role"] for message in loaded[0]["messages"]] == ["user", "assistant"]


def test_a_dataset_of_the_same_name_elsewhere_does_not_load_as_the_first(compiled: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    for seed in ("1", "2"):
        out = tmp_path / seed / "ds"
        assert run(compiled, out, "--rows", "4", "--set", f"run.random_seed={seed}") == 0
        loaded = {row["id"] for split in load_dataset(str(out)).values() for row in split}
        assert loaded == {row["id"] for row in rows(out)}


def test_validation_rows_come_from_held_out_documents_only(compiled: Path, tmp_path: Path) -> None:
    assert run(compiled, tmp_path / "ds", "--rows", "20") == 0
    files = {split: tmp_path / "ds" / "rows" / f"{split}-00000.parquet" for split in ("train", "validation")}
    documents = {split: documents_in(path) for split, path in files.items()}
    assert not documents["train"] & documents["validation"]
    seeds = {
        json.loads(line)["id"]: json.loads(line)["source"]
        for line in (compiled / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
    }
    shown = {seeds[id] for id in rows(tmp_path / "ds")[0]["lineage"]["seeds"]}
    names = {Path(str(name)).name for name in documents["validation"]}
    assert shown
    assert not shown & names


def documents_in(shard: Path) -> set[str]:
    """The documents that the rows of a shard are of."""
    lineages = pq.read_table(shard)["lineage"].to_pylist()
    return {span["document"] for lineage in lineages for span in lineage["spans"]}


def test_spans_point_at_the_passage(compiled: Path, tmp_path: Path) -> None:
    from seedbed.sources.documents import read_documents

    assert run(compiled, tmp_path / "ds", "--rows", "5") == 0
    texts = {d.name: d.text for d in read_documents("documents", compiled).documents}
    for row in rows(tmp_path / "ds"):
        (span,) = row["lineage"]["spans"]
        assert texts[span["document"]][span["start"] : span["end"]] == row["passage"]


def test_compiling_again_calls_no_model_and_changes_no_byte(compiled: Path) -> None:
    path = compiled / "compiled" / "grounded-qa" / "small.json"
    before, paid = path.read_bytes(), calls(compiled)
    assert main(["compile", "-c", str(compiled / "seedbed.yaml")]) == 0
    assert (path.read_bytes(), calls(compiled)) == (before, paid)


def test_held_out_seeds_stand_in_no_prompt(compiled: Path) -> None:
    folder = compiled / "compiled" / "grounded-qa"
    manifest = json.loads((folder / "small.manifest.json").read_text(encoding="utf-8"))
    seeds = {
        json.loads(line)["id"]: json.loads(line)
        for line in (compiled / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
    }
    state = (folder / "small.json").read_text(encoding="utf-8")
    assert manifest["seeds"]["held_out"]
    assert not [id for id in manifest["seeds"]["held_out"] if json.dumps(seeds[id]["question"])[1:-1] in state]


def test_the_same_run_again_pays_nothing_and_gives_the_same_rows(compiled: Path, tmp_path: Path) -> None:
    run(compiled, tmp_path / "ds", "--rows", "8")
    first, paid = rows(tmp_path / "ds"), calls(compiled)
    run(compiled, tmp_path / "ds", "--rows", "8")
    assert (rows(tmp_path / "ds"), calls(compiled)) == (first, paid)


def test_more_rows_go_on_from_those_there(compiled: Path, tmp_path: Path) -> None:
    run(compiled, tmp_path / "ds", "--rows", "6")
    run(compiled, tmp_path / "ds", "--rows", "11")
    run(compiled, tmp_path / "fresh", "--rows", "11")
    assert rows(tmp_path / "ds") == rows(tmp_path / "fresh")


def test_a_killed_run_taken_up_again_equals_one_that_was_not(compiled: Path, tmp_path: Path) -> None:
    assert run(compiled, tmp_path / "whole", "--rows", "15") == 0
    (compiled / "slow.txt").write_text("0.05", encoding="utf-8")
    try:
        for more in (20, 9):
            paid, process = calls(compiled), start(compiled, tmp_path / "killed")
            wait_for(compiled, paid + more)
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        (compiled / "slow.txt").unlink()
    assert run(compiled, tmp_path / "killed", "--rows", "15") == 0
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")


def test_ctrl_c_leaves_a_dataset_and_says_how_to_go_on(compiled: Path, tmp_path: Path) -> None:
    (compiled / "slow.txt").write_text("0.2", encoding="utf-8")
    try:
        paid, process = calls(compiled), start(compiled, tmp_path / "ds", rows="200")
        wait_for(compiled, paid + 9)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
    finally:
        (compiled / "slow.txt").unlink()
    assert json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))["stopped"] == "interrupted"


def start(folder: Path, out: Path, rows: str = "15") -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from seedbed.cli.main import entry; entry()",
        "run",
        "-c",
        str(folder / "seedbed.yaml"),
        "--out",
        str(out),
        "--rows",
        rows,
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(folder: Path, count: int) -> None:
    """Until so many calls were made, of which nothing that is well takes minutes."""
    deadline = time.monotonic() + 300
    while calls(folder) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_limit_is_named_and_exits_1(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(compiled, tmp_path / "ds", "--rows", "50", "--set", "run.max_candidates=9") == 1
    assert "run.max_candidates: 9 is reached" in capsys.readouterr().out


def test_every_candidate_is_either_a_row_or_rejected_with_a_reason(compiled: Path, tmp_path: Path) -> None:
    run(compiled, tmp_path / "ds", "--rows", "30")
    report = json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))["counts"]
    out = [row for path in (tmp_path / "ds").glob("rejected/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert report["accepted"] + len(out) == report["candidates"]
    assert all(row["step"] and row["reason"] for row in out)
    assert sum(report["rejected"].values()) == len(out)


def test_evaluate_and_preview_print_json(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["-c", str(compiled / "seedbed.yaml")]
    capsys.readouterr()
    assert main(["evaluate", *config, "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert [standing["n"] for standing in result["standings"]] == [36, 36]
    assert main(["preview", *config, "--rows", "2", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown[0]["calls"][0]["prompt"]
    assert shown[0]["calls"][0]["reply"]


def test_label_writes_verdicts_that_compile_reads(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(compiled, tmp_path / "ds", "--rows", "4")
    verdicts = compiled / "verdicts.jsonl"
    before = verdicts.read_bytes()
    answers = iter(["y", "fine", "n", "wrong", "q"])
    monkeypatch.setattr("typer.prompt", lambda *args, **kwargs: next(answers))
    assert main(["label", str(tmp_path / "ds"), "-c", str(compiled / "seedbed.yaml")]) == 0
    added = verdicts.read_bytes()[len(before) :].decode().splitlines()
    verdicts.write_bytes(before)
    assert [json.loads(line)["label"] for line in added] == [1.0, 0.0]


def test_run_without_a_compiled_program_names_both_ways_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p")
    assert run(folder, tmp_path / "ds") == 2
    assert "seedbed compile" in (message := capsys.readouterr().err)
    assert "--uncompiled" in message


def test_a_program_compiled_for_another_model_is_refused(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(compiled, folder)
    (folder / "teacher.py").write_text(TEACHER.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    assert run(folder, tmp_path / "ds") == 2
    assert "was compiled for the model behind the teacher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "seeds.jsonl").write_text('{"id": \n', encoding="utf-8"), "seeds.jsonl:1:"),
        (
            lambda p: (p / "seeds.jsonl").write_text(
                '{"id": "a", "source": "x", "question": "q?", "answer": "a"}\n', encoding="utf-8"
            ),
            "seeds.jsonl:1: document: field required",
        ),
        (lambda p: [f.unlink() for f in (p / "documents").iterdir()], "documents"),
        (lambda p: replace(p, "recipe: grounded-qa", "reciep: grounded-qa"), 'did you mean "recipe"?'),
        (lambda p: replace(p, "recipe: grounded-qa", "recipe: grounded-qu"), 'did you mean "grounded-qa"?'),
        (lambda p: replace(p, "{teacher: small", "{teacher: smal"), 'did you mean "small"?'),
    ],
)
def test_mistakes_are_named_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object, message: str
) -> None:
    folder = project(tmp_path / "p")
    spoil(folder)  # type: ignore[operator]
    assert run(folder, tmp_path / "ds", "--uncompiled") == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def replace(folder: Path, old: str, new: str) -> None:
    path = folder / "seedbed.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_pdf_that_is_a_jpeg_is_named_skipped_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p")
    (folder / "documents" / "scan.pdf").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    assert run(folder, tmp_path / "ds", "--uncompiled", "--rows", "2") == 0
    assert "scan.pdf" in capsys.readouterr().err
    assert json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))["counts"]["skipped"]


@pytest.mark.parametrize("rows_wanted", ["-3", "0", "many"])
def test_bad_row_counts_exit_2(tmp_path: Path, rows_wanted: str) -> None:
    assert main(["run", "--out", str(tmp_path / "ds"), "--rows", rows_wanted]) == 2


def test_out_naming_a_file_exits_2(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run(compiled, tmp_path / "file") == 2
    assert "is a file" in capsys.readouterr().err


def test_out_holding_other_files_exits_2(compiled: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("", encoding="utf-8")
    assert run(compiled, tmp_path) == 2


def test_a_dead_endpoint_exits_3_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p")
    replace(folder, "model: scripted/teacher.py", 'model: m, api_base: "http://127.0.0.1:9/v1"')
    assert run(folder, tmp_path / "ds", "--uncompiled") == 3
    assert "cannot connect to http://127.0.0.1:9/v1" in (message := capsys.readouterr().err)
    assert "Start the server" in message


def test_a_missing_key_is_named_before_any_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p")
    replace(folder, "model: scripted/teacher.py", "model: openai/gpt-5-mini, api_key: $SEEDBED_TEST_NO_KEY")
    assert run(folder, tmp_path / "ds", "--uncompiled") == 2
    assert "export SEEDBED_TEST_NO_KEY=" in capsys.readouterr().err


def test_doctor_says_what_is_wrong_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p")
    replace(folder, "model: scripted/teacher.py", 'model: m, api_base: "http://127.0.0.1:9/v1"')
    assert main(["doctor", "-c", str(folder / "seedbed.yaml")]) == 3
    assert "BAD  teacher, judge, reflection (small)" in capsys.readouterr().out


def test_unanswerable_rows_on_request(compiled: Path, tmp_path: Path) -> None:
    run(compiled, tmp_path / "ds", "--uncompiled", "--rows", "4", "--set", "options.unanswerable=1.0")
    assert [row["answer"] for row in rows(tmp_path / "ds")] == 4 * ["The document does not say."]


def test_init_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("recipe", ["lab", "self-instruct"])
def test_the_other_recipes_go_from_init_to_a_dataset(tmp_path: Path, recipe: str) -> None:
    from datasets import load_dataset

    folder = project(tmp_path / "p", recipe)
    assert main(["compile", "-c", str(folder / "seedbed.yaml")]) == 0
    assert run(folder, tmp_path / "ds", "--rows", "9") == 0
    assert sum(len(split) for split in load_dataset(str(tmp_path / "ds")).values()) == 9


def test_invented_documents_are_marked(compiled: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    assert run(
        compiled,
        out,
        "--uncompiled",
        "--rows",
        "2",
        "--set",
        "options.invent=true",
        "--set",
        "gates.relevance=0.1",
        "--set",
        "gates.threshold=0.1",
        "--set",
        "gates.near_duplicate=1.0",
    ) in (0, 1)
    assert rows(out)
    assert all(row["invented"] and "bridge" in str(row["passage"]) for row in rows(out))


def test_help_fills_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line break of the source is none of the help: every line but a paragraph's last takes the width."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["pairs", "--help"]) == 0
    prose = capsys.readouterr().out.partition("╭")[0].splitlines()
    for line, after in itertools.pairwise(line.strip() for line in prose[2:]):
        assert not after or not line or len(f"{line} {after.split()[0]}") > 78
