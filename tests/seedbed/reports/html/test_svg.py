"""Charts in a page: well-formed whatever the texts say, no script, no links, and no id twice."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from support.report_folders import Plan, write_folder

from seedbed.reports.html.figures.before_after import before_after
from seedbed.reports.html.figures.coverage import coverage
from seedbed.reports.html.figures.funnel import funnel
from seedbed.reports.html.figures.questions import questions
from seedbed.reports.html.figures.scores import scores
from seedbed.reports.html.figures.search import search
from seedbed.reports.html.figures.text_map import text_map
from seedbed.reports.html.figures.trust import trust
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import svg

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x07\ufffe"
FIVE = 200_000  # bytes of five figures


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Charts of a run whose documents, reasons and texts are hostile."""
    run = RunFolder(write_folder(tmp_path_factory.mktemp("run") / "ds", Plan(hostile=HOSTILE)))
    figures = [funnel(run), scores(run), coverage(run), text_map(run), before_after(run.made_with[0])]
    return [svg(figure.chart) for figure in figures if figure]


def _elements(drawing: str) -> Iterator[etree._Element]:
    return etree.fromstring(drawing.encode()).iter()


def test_hostile_texts_come_out_as_text(drawings: list[str]) -> None:
    assert len(drawings) == 5
    for drawing in drawings:
        assert {etree.QName(element).localname for element in _elements(drawing)} <= {
            "svg", "g", "path", "text", "line", "rect", "circle", "defs", "clipPath", "pattern", "title",
        }  # fmt: skip
        assert "\u202e" not in drawing
    assert any("&lt;/script&gt;&lt;img" in drawing for drawing in drawings)


def test_a_drawing_has_no_links_and_the_colours_of_the_page(drawings: list[str]) -> None:
    for drawing in drawings:
        assert re.findall(r'https?://[^"]*', drawing) == ["http://www.w3.org/2000/svg"]
        assert not re.search(r"\son\w+=", re.sub(r'="[^"]*"', '=""', drawing))
        texts = {element.get("fill") for element in _elements(drawing) if etree.QName(element).localname == "text"}
        assert texts <= {"currentColor"}


def test_ids_differ_in_a_page_and_every_reference_has_its_id(drawings: list[str]) -> None:
    ids = Counter(id for drawing in drawings for id in re.findall(r'\sid="([^"]+)"', drawing))
    assert max(ids.values()) == 1
    assert {name for drawing in drawings for name in re.findall(r"url\(#([^)]+)\)", drawing)} <= ids.keys()


def test_every_mark_of_the_data_has_a_label(drawings: list[str]) -> None:
    for drawing in drawings:
        symbols = [element for element in _elements(drawing) if element.get("role") == "graphics-symbol"]
        assert symbols
        assert all(element.get("aria-label") for element in symbols)


def test_five_figures_are_small(tmp_path: Path) -> None:
    run = RunFolder(write_folder(tmp_path / "ds", Plan(documents=26, passages=30, draws=1)))
    (made,) = run.made_with
    figures = [funnel(run), scores(run), coverage(run), trust(made), search(made)]
    assert sum(len(svg(figure.chart).encode()) for figure in figures if figure) < FIVE


@pytest.mark.slow
@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_breaks_a_drawing(text: str) -> None:
    run = RunFolder(Path("nowhere"))
    run.__dict__["report"] = {"variety": {"sampled": 20, "kinds": {f"k{text}": 0.6, "what": 0.4}}}
    figure = questions(run)
    assert figure
    etree.fromstring(svg(figure.chart).encode())
