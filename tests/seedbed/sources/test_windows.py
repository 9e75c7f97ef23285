"""Windows: one to three passages of a document, which neither overlap nor leave one out."""

import dataclasses
import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recipes import recipe_that, request

from seedbed.config.catalogue import PassageForm
from seedbed.errors import UserError
from seedbed.sources.passages import passages
from seedbed.sources.reading.document import Document, Heading
from seedbed.sources.remarks import Remarks
from seedbed.sources.windows import read_windows, windows

CUT = PassageForm(tokens=16, headings=True), 3  # and the fewest words of a passage


def document(sections: list[int], name: str = "a.md") -> Document:
    """A document with a section of so many sentences for each number."""
    text, headings = "", []
    for section, sentences in enumerate(sections):
        headings.append(Heading(len(text), 1 + section % 2, f"Part {section}"))
        text += f"Part {section}\n\n"
        text += " ".join(f"Sentence {section}.{n} tells of {n + 7} ferries." for n in range(sentences)) + "\n\n"
    return Document(name, text, tuple(headings))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_windows_are_whole_passages_in_order_without_overlap(sections: list[int]) -> None:
    source = document(sections)
    pieces = [passage.origin for passage in passages([source], {}, *CUT, Remarks())]
    made = [window.origin for window in windows([source], {}, *CUT, Remarks())]
    starts, ends = [piece["start"] for piece in pieces], [piece["end"] for piece in pieces]
    counts = [sum(window["start"] <= start < window["end"] for start in starts) for window in made]
    assert sum(counts) == len(pieces)
    assert all(1 <= count <= 3 for count in counts)
    assert all(window["start"] in starts and window["end"] in ends for window in made)
    assert all(first["end"] <= second["start"] for first, second in itertools.pairwise(made))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_a_windows_text_is_that_of_its_span(sections: list[int]) -> None:
    source = document(sections)
    for window in windows([source], {"a.md": "family"}, *CUT, Remarks()):
        lead = window.origin.get("lead", "")
        assert window.inputs["document"] == lead + source.text[window.origin["start"] : window.origin["end"]]
        assert (window.origin["text_hash"], window.group) == (source.hash, "family")
        assert window.inputs.keys() == {"document"}
        above = re.findall(r"Part \d+", lead)  # only headings that are above all of it
        assert above == window.origin["headings"]


def test_sizes_are_dealt_evenly() -> None:
    """Of one long document the sizes differ by one window at most, before its last windows."""
    source = document([1] * 300)
    places = [window.origin for window in windows([source], {}, *CUT, Remarks())]
    starts = [passage.origin["start"] for passage in passages([source], {}, *CUT, Remarks())]
    sizes = Counter(sum(place["start"] <= start < place["end"] for start in starts) for place in places)
    assert len(starts) > 100
    assert max(sizes.values()) - min(sizes.values()) <= 2
    assert sizes.keys() == {1, 2, 3}


def test_another_document_changes_no_window() -> None:
    first, other = document([4, 2, 5]), document([3, 3], "0.md")
    alone = [window.id for window in windows([first], {}, *CUT, Remarks())]
    assert [window.id for window in windows([other, first], {}, *CUT, Remarks())][-len(alone) :] == alone
    renamed = dataclasses.replace(first, name="b.md")
    assert not set(alone) & {window.id for window in windows([renamed], {}, *CUT, Remarks())}


def test_they_are_read_from_the_documents_of_a_project(tmp_path: Path) -> None:
    recipe = recipe_that(reads="windows")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text(document([5, 5, 5]).text, encoding="utf-8")
    (tmp_path / "docs/b.txt").write_text("Two words", encoding="utf-8")
    sources = read_windows(request(recipe, tmp_path, documents="docs", chunk_tokens=16, shortest=3))
    assert sources.documents == 2
    assert {source.group for source in sources.sources} == {"docs/a.txt"}
    assert sources.skipped.lines() == ["docs/b.txt: fewer than 3 words (sources.shortest)"]
    with pytest.raises(UserError, match=r"sources\.documents names none"):
        read_windows(request(recipe, tmp_path))
