"""Argilla's own SDK takes an export from disk and sends every record, against a server on loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.argilla_server import ArgillaServer
from support.run_folders import write_run

from programs.qa.grounded_qa import QA
from seedbed.cli.main import main

pytestmark = pytest.mark.slow  # argilla takes seconds to import

PASSAGE = "The kettle boils for two minutes when it is full."


@pytest.fixture
def argilla() -> Iterator[ArgillaServer]:
    server = ArgillaServer()
    yield server
    server.stop()


def qa(question: str, answer: str = "Two minutes.") -> QA:
    return QA(passage=PASSAGE, question=question, answer=answer)


def test_the_loader_beside_the_records_sends_them(
    tmp_path: Path, argilla: ArgillaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallen = [(qa("Who?"), "off topic"), (qa("How long?", "Nine."), "unsupported"), (qa("When?", ""), "no answer")]
    rows, held = [qa("How long does it boil?"), qa("What boils?", "The kettle.")], [qa("Is it full?", "It is.")]
    folder, out = write_run(tmp_path / "run", "grounded-qa", rows, validation=held, fallen=fallen), tmp_path / "out"
    assert main(["export", str(folder), "--to", "argilla", "--out", str(out)]) == 0
    monkeypatch.setenv("ARGILLA_API_URL", argilla.url)
    monkeypatch.setenv("ARGILLA_API_KEY", "key")
    told = subprocess.run([sys.executable, "load.py"], cwd=out, capture_output=True, text=True, timeout=100)
    assert told.returncode == 0, told.stderr[-3000:]
    provenance = [json.loads(line) for line in (out / "provenance.jsonl").read_text(encoding="utf-8").splitlines()]
    records = json.loads((out / "records.json").read_text(encoding="utf-8"))
    assert [record["id"] for record in records] == [line["id"] for line in provenance]
    got = {record["external_id"]: record for record in argilla.got}
    assert sorted(got) == sorted(record["id"] for record in records)
    assert len(got) == 5  # a candidate without an answer is nothing that people can judge
    good, bad = got[rows[0].row_id], next(record for record in got.values() if record["fields"]["answer"] == "Nine.")
    asked = {"question": "How long does it boil?", "answer": "Two minutes.", "document": PASSAGE}
    assert good["fields"] == asked
    assert [(s["value"], s["score"], s["agent"]) for s in good["suggestions"]] == [("yes", 0.75, "seedbed")]
    assert [(s["value"], s["score"]) for s in bad["suggestions"]] == [("no", 0.25)]
    assert bad["metadata"]["gate"] == "unsupported"
    assert {question["name"] for question in argilla.parts["questions"]} == {"good", "reason", "better_answer"}
    assert argilla.parts["datasets"][0]["name"] == "out"
    assert argilla.parts["datasets"][0]["distribution"]["min_submitted"] == 2
