"""`seedbed report`: the page of a run and of a compile, through the command line."""

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.reported import DOCUMENT, HOSTILE, reported

from seedbed.cli.main import main
from seedbed.reports.html import page as page_room
from seedbed.reports.html import report as report_module

pytestmark = pytest.mark.slow  # a compile, a run and their figures take seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled project with a run."""
    return reported(tmp_path_factory.mktemp("report") / "project")


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """The page that the run left."""
    return (folder / "ds" / "report.html").read_text(encoding="utf-8")


def written(out: Path, *words: str) -> str:
    """The page that `seedbed report` writes to a file of its own."""
    target = out.parent / "page.html"
    assert main(["report", str(out), "--out", str(target), *words]) == 0
    return target.read_text(encoding="utf-8")


def findings(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["report", *words, "--json"]) == 0
    sections: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return sections


def text_of(page: str) -> str:
    """What a reader sees of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|script)>.*?</\1>", "", page)))


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def sentences(folder: Path) -> list[str]:
    """Every sentence of a project's text documents of six words or more."""
    texts = [path.read_text(encoding="utf-8") for path in (folder / "documents").glob("*.[tm][xd]*")]
    return [part for text in texts for part in re.split(r"(?<=[.!?])\s+|\n", text) if len(part.split()) > 5]


def test_a_compile_and_a_run_leave_their_pages_and_name_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = reported(tmp_path / "project")
    shown = capsys.readouterr().out
    for path in (folder / "compiled" / "grounded-qa" / "small.report.html", folder / "ds" / "report.html"):
        assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
        assert f"report: {path}" in shown


def test_the_sections_stand_in_their_order(page: str, folder: Path) -> None:
    order = "Summary, Funnel, Along the run, Scores, Trust, Before and after, Search, Coverage, Map, Cost, Shape, Rows"
    assert headings(page) == [*order.split(", "), "Prompts", "Provenance"]
    compiled = (folder / "compiled" / "grounded-qa" / "small.report.html").read_text(encoding="utf-8")
    assert headings(compiled) == ["Summary", "Trust", "Before and after", "Search", "Prompts", "Provenance"]


def test_the_head_says_what_run_json_says(page: str, folder: Path) -> None:
    report = json.loads((folder / "ds" / "run.json").read_text(encoding="utf-8"))
    counts = report["counts"]
    assert f"{counts['accepted']} of {counts['candidates']} candidates were accepted" in page
    assert report["stopped"] in page
    assert all(html.escape(warning, quote=False) in page for warning in report["warnings"])
    assert report["program"] in page


def test_a_page_loads_nothing_and_allows_one_script_alone(page: str) -> None:
    assert len(page.encode()) < 1_500_000
    assert "default-src 'none'" in page
    assert re.findall(r"<script[^>]*>", page) == ["<script>"]
    assert not re.findall(r"(?:src|href)=\"(?!#)", page)
    assert not re.findall(r"url\((?!#)", page)


def test_the_same_folder_gives_the_same_bytes_wherever_it_lies(page: str, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "ds", tmp_path / "elsewhere" / "ds")
    assert written(tmp_path / "elsewhere" / "ds") == page


def test_json_has_every_caption_and_table_of_the_page(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = findings(capsys, str(folder / "ds"))
    assert [section["section"] for section in sections] == headings(page)
    for section in sections:
        for figure in section["figures"]:
            assert " ".join(figure["caption"].split()) in " ".join(text_of(page).split())
            assert all(len(line) == len(figure["headings"]) for line in figure["rows"])


def test_without_rows_no_sentence_of_a_document_is_told(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = text_of(page)
    assert any(sentence in told for sentence in sentences(folder))
    short = text_of(written(folder / "ds", "--no-rows"))
    short += json.dumps(findings(capsys, str(folder / "ds"), "--no-rows"), ensure_ascii=False)
    assert not [sentence for sentence in sentences(folder) if sentence in short]
    assert "Rows" not in headings(written(folder / "ds", "--no-rows"))


def test_no_gain_is_not_called_better(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((folder / "compiled" / "grounded-qa" / "small.manifest.json").read_text(encoding="utf-8"))
    assert manifest["comparison"]["difference"]["verdict"] == "no measurable difference"
    for of in ([str(folder / "ds")], ["-c", str(folder / "seedbed.yaml")]):
        for section in findings(capsys, *of):
            if section["section"] in ("Summary", "Before and after"):
                told = json.dumps(section)
                assert "no measurable difference" in told
                assert "better" not in told


def test_prompts_show_what_compiling_changed(folder: Path) -> None:
    page = (folder / "compiled" / "grounded-qa" / "small.report.html").read_text(encoding="utf-8")
    assert re.search(r"<ins>[^<]+</ins>", page.split("<h3>")[-1])
    assert re.search(r"<del>[^<]+</del>", page.split("<h3>")[-1])
    manifest = json.loads((folder / "compiled" / "grounded-qa" / "small.manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] in page


def test_a_run_as_written_shows_its_prompts_without_changes(tmp_path: Path) -> None:
    page = (reported(tmp_path / "project", compiled=False) / "ds" / "report.html").read_text(encoding="utf-8")
    assert "The prompts are as written: nothing was compiled." in page
    assert "<ins>" not in page
    assert "seedbed run --rows 16 --out ds --uncompiled" in page


def test_hostile_rows_are_text(tmp_path: Path) -> None:
    folder = reported(tmp_path / "project", compiled=False, documents={f"{HOSTILE.replace('/', '')}.txt": DOCUMENT})
    page = (folder / "ds" / "report.html").read_text(encoding="utf-8")
    assert HOSTILE in text_of(page)
    assert "<img" not in page
    assert "<b>" not in page
    assert len(re.findall("<script", page)) == 1


def test_a_killed_run_says_that_it_is_unfinished(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "ds", tmp_path / "ds")
    (tmp_path / "ds" / "run.json").unlink()
    page = written(tmp_path / "ds")
    assert "This run is unfinished" in page
    assert "Rows" in headings(page)
    for kind in ("rows", "rejected"):
        shutil.rmtree(tmp_path / "ds" / kind)
    assert "0 accepted rows" in written(tmp_path / "ds")


def test_a_folder_without_a_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err


def test_without_a_compile_the_way_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder, tmp_path / "p", ignore=shutil.ignore_patterns("ds", "compiled", ".seedbed"))
    assert main(["report", "-c", str(tmp_path / "p" / "seedbed.yaml")]) == 2
    assert "seedbed compile makes one" in capsys.readouterr().err


def run_again(folder: Path, *words: str) -> int:
    return main(["run", "-c", str(folder / "seedbed.yaml"), "--out", str(folder / "ds"), "--rows", "16", *words])


def test_without_the_extra_one_line_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_module, "EXTRA", ("no_such_package",))
    capsys.readouterr()
    assert run_again(folder) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "report" in line]
    assert 'pip install "seedbed[report]"' in line
    assert main(["report", str(folder / "ds")]) == 2


@pytest.mark.parametrize("fault", [RuntimeError("no\nroom"), KeyboardInterrupt()])
def test_a_failing_report_is_one_line_and_changes_no_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: BaseException
) -> None:
    def fails(report: Any) -> str:
        raise fault

    monkeypatch.setattr(page_room, "page_of", fails)
    capsys.readouterr()
    assert run_again(folder) == 0
    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if "no report was written" in line]
    assert "report.html" not in printed.out


def test_json_of_a_run_stays_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run_again(folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["accepted"] == 16


def test_a_run_may_leave_no_page(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    shutil.copytree(folder / "ds", out)
    (out / "report.html").unlink()
    where = ["-c", str(folder / "seedbed.yaml"), "--out", str(out), "--rows", "16"]
    assert main(["run", *where, "--set", "report=false"]) == 0
    assert not (out / "report.html").exists()
