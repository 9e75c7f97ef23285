"""The page through the command line: written at the end of a run and a compile, and of any folder there is."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from support.run_folders import write_run
from support.served import Served, served

from programs.core.row import Candidate
from programs.labels.label_to_text import TextForLabel
from programs.preferences.ultrafeedback import RatedPair
from programs.qa.dialogue import Dialogue, Turn
from programs.qa.grounded_qa import QA
from programs.texts.tiny_stories import Story
from seedbed.cli.main import main

__all__ = ["served"]

PAGE = "report.html"


def page(served: Served, out: str = "ds") -> str:
    return (served.base / out / PAGE).read_text(encoding="utf-8")


@pytest.mark.reports
def test_a_run_ends_with_its_report_unless_told_otherwise(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.run() == 0
    assert f"report: {served.base / 'ds' / PAGE}" in capsys.readouterr().out
    text = page(served)
    for section in ("funnel", "scores", "coverage", "cost", "rows", "provenance"):
        assert f'<section id="{section}"' in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert served.run(out="silent", report=False) == 0
    assert not (served.base / "silent" / PAGE).exists()
    assert "report" not in capsys.readouterr().out


@pytest.mark.reports
def test_without_the_extra_one_line_says_so_and_the_run_is_the_same(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert served.run() == 0
    said = capsys.readouterr().out
    assert "no report: The report needs altair, which is not installed." in said
    assert "pip install 'seedbed[report]' brings it." in said
    assert not (served.base / "ds" / PAGE).exists()


@pytest.mark.reports
def test_a_compile_ends_with_its_report(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(served.base / "seedbed.yaml")
    assert main(["compile", "-c", config, "--set", "compile.compare=8"]) in (0, 1)
    (path,) = served.base.glob("compiled/*/mock.report.html")
    assert f"report: {path}" in capsys.readouterr().out
    text = path.read_text(encoding="utf-8")
    for section in ("gain", "search", "prompts", "provenance"):
        assert f'<section id="{section}"' in text
    before = path.read_bytes()
    assert main(["report", "-c", config]) == 0
    assert path.read_bytes() == before


def test_the_same_folder_gives_the_same_bytes_and_figures_alone_hold_no_text(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served.run() == 0
    folder, path = str(served.base / "ds"), served.base / "ds" / PAGE
    assert main(["report", folder]) == 0
    first = path.read_bytes()
    assert main(["report", folder]) == 0
    assert path.read_bytes() == first
    row = served.rows()[0]
    assert row["question"] in first.decode()
    assert main(["report", folder, "--no-rows", "--out", str(path)]) == 0
    bare = path.read_text(encoding="utf-8")
    assert all(row[field] not in bare for row in served.rows() for field in ("question", "answer", "passage"))
    capsys.readouterr()
    assert main(["report", folder, "--no-map", "--json"]) == 0
    figures = {figure["section"]: figure for figure in json.loads(capsys.readouterr().out)["figures"]}
    assert "map" not in figures
    counts = served.report()["counts"]
    assert figures["funnel"]["caption"].startswith(f"{counts['accepted']} of {counts['candidates']} candidates")


def test_a_killed_run_is_shown_as_unfinished(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.run() == 0
    (served.base / "ds" / "run.json").unlink()
    assert main(["report", str(served.base / "ds")]) == 0
    assert "This run is unfinished: 8 rows are written so far." in page(served)
    shutil.rmtree(served.base / "ds")
    assert main(["report", str(served.base / "ds")]) == 2
    assert "holds no run" in capsys.readouterr().err


ROWS: dict[str, tuple[Candidate, list[str]]] = {
    "ultrafeedback": (
        RatedPair(instruction="Boil it.", chosen_answer="At once.", rejected_answer="No."),
        ["chosen", "No."],
    ),
    "tiny-stories": (Story(story="The cat sat."), ["The cat sat."]),
    "label-to-text": (TextForLabel(task="T", label="refund", text="Pay me back."), ["Pay me back.", "label: refund"]),
    "dialogue": (
        Dialogue(passage="Kettles boil.", exchanges=[Turn(kind="open", message="What boils?", answer="Kettles.")]),
        ["What boils?", "Kettles boil."],
    ),
    "grounded-qa": (
        QA(passage="Kettles boil.", question="What boils?", answer="Kettles."),
        ['<p class="text">What boils?</p>'],
    ),
}


@pytest.mark.parametrize("recipe", ROWS)
def test_every_kind_of_row_has_its_form(recipe: str, tmp_path: Path) -> None:
    row, texts = ROWS[recipe]
    folder = write_run(tmp_path / "run", recipe, [row])
    assert main(["report", str(folder)]) == 0
    text = (folder / PAGE).read_text(encoding="utf-8")
    assert all(expected in text for expected in texts)
