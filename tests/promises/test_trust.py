"""Promises that a user's money and labels rest on: nothing lost, nothing leaked, nothing overwritten."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.paths import TEACHER

from seedbed.cli.main import main

ENTRY = "from seedbed.cli.main import entry; entry()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh project with a scripted teacher."""
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    shutil.copy(TEACHER, folder / "teacher.py")
    edit(folder, "model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py")
    edit(folder, "sources:\n", "sources:\n  chunk_tokens: 64\n")  # the teacher copies what comes first
    return folder


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "seedbed.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def seedbed(folder: Path, *words: str) -> int:
    return main([words[0], "-c", str(folder / "seedbed.yaml"), *words[1:]])


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(out: Path) -> list[str]:
    return [str(id) for path in sorted(out.glob("rows/*.parquet")) for id in pq.read_table(path)["id"].to_pylist()]


def test_no_verdict_of_a_held_out_document_stands_in_a_judges_prompt(folder: Path) -> None:
    from seedbed.config.load import load_config
    from seedbed.project.project import Project

    assert seedbed(folder, "compile") == 0
    project = Project(load_config(folder / "seedbed.yaml"), folder)
    held = [case.question for case in project.inputs.verdicts if project.is_held_out(case.group)]
    judges = (folder / "compiled/grounded-qa/small.metric.json").read_text(encoding="utf-8")
    assert held
    assert not [question for question in held if json.dumps(question)[1:-1] in judges]


def test_a_project_of_one_document_compiles_and_says_that_nothing_was_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "documents").iterdir():
        if path.name != "kettle-manual.md":
            path.unlink()
    kept = [
        line for line in (folder / "seeds.jsonl").read_text(encoding="utf-8").splitlines() if "kettle-manual.md" in line
    ]
    (folder / "seeds.jsonl").write_text("\n".join(kept), encoding="utf-8")
    assert seedbed(folder, "compile") == 0
    assert "nothing is held out" in capsys.readouterr().err


def test_a_compile_killed_and_taken_up_again_pays_no_call_twice(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    assert seedbed(whole, "compile") == 0
    (folder / "slow.txt").write_text("0.05", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "compile", "-c", str(folder / "seedbed.yaml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and paid(folder) < 25:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder / "slow.txt").unlink()
    assert seedbed(folder, "compile") == 0
    in_flight = 8  # what the scripted teacher runs at once
    assert paid(folder) <= paid(whole) + in_flight
    name = "compiled/grounded-qa/small.json"
    assert (folder / name).read_bytes() == (whole / name).read_bytes()


def paid(folder: Path) -> int:
    path = folder / "calls.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


def test_a_folder_with_more_rows_than_asked_for_is_left_alone(folder: Path, tmp_path: Path) -> None:
    assert seedbed(folder, "run", "--uncompiled", "--rows", "6", "--out", str(tmp_path / "ds")) == 0
    before = ids(tmp_path / "ds")
    assert seedbed(folder, "run", "--uncompiled", "--rows", "3", "--out", str(tmp_path / "ds")) == 2
    assert ids(tmp_path / "ds") == before


def test_a_folder_with_rows_of_another_program_is_left_alone(folder: Path, tmp_path: Path) -> None:
    assert seedbed(folder, "compile", "--ship", "compiled") == 0
    assert seedbed(folder, "run", "--rows", "4", "--out", str(tmp_path / "ds")) == 0
    before = ids(tmp_path / "ds")
    assert seedbed(folder, "run", "--uncompiled", "--rows", "4", "--out", str(tmp_path / "ds")) == 2
    assert ids(tmp_path / "ds") == before


def test_a_source_that_two_documents_answer_to_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "documents" / "old").mkdir()
    shutil.copy(folder / "documents" / "canal-history.md", folder / "documents" / "old" / "kettle-manual.md")
    assert seedbed(folder, "compile") == 2
    assert "kettle-manual.md" in capsys.readouterr().err


def test_an_interrupted_compile_says_how_to_go_on(folder: Path) -> None:
    (folder / "slow.txt").write_text("0.2", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "compile", "-c", str(folder / "seedbed.yaml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and paid(folder) < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_named_and_nothing_paid_is_lost(
    folder: Path, small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "--uncompiled", "--rows", "120", "--out")
    assert seedbed(folder, *command, str(small_disk / "ds")) == 2
    said = capsys.readouterr().err
    assert "Make room" in said
    assert "Traceback" not in said
    before = paid(folder)
    shutil.copytree(small_disk / "ds", tmp_path / "ds")
    assert seedbed(folder, *command, str(tmp_path / "ds")) in (0, 1)
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    assert seedbed(folder, *command, str(tmp_path / "fresh")) in (0, 1)
    assert ids(tmp_path / "ds") == ids(tmp_path / "fresh")
    assert before > 0
