"""Short pieces: each ends in a passage with what is beside it, or is counted; and long tables keep their header."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.core.text import words
from seedbed.config.catalogue import PassageForm
from seedbed.sources.chunks import chunk
from seedbed.sources.passages import passages
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.extract import extract
from seedbed.sources.remarks import Remarks

PROSE = "The keeper of the lock lives in the white cottage by the upper gate and is paid by the trust. "
DEFINITIONS = "".join(f"## Term {n}\n\nA short meaning of number {n}.\n\n" for n in range(12))
MARKDOWN = st.lists(
    st.sampled_from(["# Title", "## Sub", "- item", "Few words.", PROSE * 2, PROSE * 9]),
    max_size=14,
)


def passages_of(
    text: str, suffix: str = ".md", chunk_tokens: int = 128, shortest: int = 12
) -> tuple[Document, list[str], Remarks]:
    """The document, its passages, and what was left out."""
    document, skipped = extract(text.encode(), suffix), Remarks()
    form = PassageForm(tokens=chunk_tokens, headings=False)
    sources = [*passages([document], {}, form, shortest, skipped)]
    for source in sources:
        span = document.text[source.origin["start"] : source.origin["end"]]
        assert source.inputs["document"] == source.origin.get("lead", "") + span
    return document, [source.inputs["document"] for source in sources], skipped


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        (DEFINITIONS, ".md"),
        ("".join(f"- point {n} of the list\n" for n in range(40)), ".md"),
        (f"# Lock\n\n{PROSE * 3}\n\n## Fee\n\n5 pounds a day.\n\n## Key\n\nAsk Ann.\n\n## Gate\n\n{PROSE * 3}", ".md"),
        (f"# Lock\n\n{PROSE * 5}{PROSE[:60]}\n\nA tail.\n", ".md"),
        ("Oar\n  A pole with a blade.\n\nBow\n  The front of a boat.\n\nStern\n  The back of it.\n", ".rst"),
        ("<dl><dt>Oar<dd>A pole with a blade.<dt>Bow<dd>The front.<dt>Stern<dd>The back of a boat.</dl>", ".html"),
        (f"<p>{PROSE * 5}</p><h2>Note</h2><p>Mind the step.</p>", ".html"),
    ],
)
def test_short_pieces_stand_in_a_passage_with_their_heading(text: str, suffix: str) -> None:
    document, texts, skipped = passages_of(text, suffix)
    assert not skipped.lines()
    assert all(len(words(passage)) >= 12 and len(passage) <= 512 for passage in texts)
    passage_words = " ".join(texts).split()
    titles = {word for heading in document.headings for word in heading.title.split()}
    document_words = document.text.split()
    assert [w for w in document_words if w not in titles] == [w for w in passage_words if w not in titles]


def test_each_definition_comes_with_its_term() -> None:
    _, texts, _ = passages_of(DEFINITIONS)
    for n in range(12):
        assert any(f"Term {n}\n\nA short meaning of number {n}." in passage for passage in texts)


@given(MARKDOWN, st.integers(16, 160), st.integers(1, 30))
def test_law(blocks: list[str], tokens: int, shortest: int) -> None:
    document = extract("\n\n".join(["Words.", *blocks]).encode(), ".md")
    chunks = chunk(document, tokens, shortest)
    assert all(document.text[c.start : c.end] == c.text and 0 < len(c.text) <= 4 * tokens for c in chunks)
    assert all(before.end <= after.start for before, after in pairwise(chunks))
    titles = {heading.title for heading in document.headings}
    body = [line for line in document.text.split("\n") if line.strip() and line not in titles]
    lines = [line for c in chunks for line in c.text.split("\n") if line.strip() and line not in titles]
    assert "".join("".join(body).split()) == "".join("".join(lines).split())  # nothing but headings is lost


def test_what_finds_no_room_is_counted() -> None:
    _, texts, skipped = passages_of(f"{PROSE.strip()}\n\n# X\n\n- {'y' * 50}\n", chunk_tokens=30, shortest=15)
    assert len(texts) == 1
    assert skipped.lines() == [" at 95: fewer than 15 words (sources.shortest)"]


ROW = "| Tarn {n} | {n}.50 | {n} | cow | 40 |\n"
HEAD = "| cheese | price in pounds | weeks in the cellar | milk | wheels a month |\n"
TABLES = {
    ".md": f"# C\n\nOn Saturdays.\n\n{HEAD}|---|---|---|---|---|\n" + "".join(ROW.format(n=n) for n in range(30)),
    ".html": "<p>On Saturdays.</p><table><caption>All</caption><tr><th>cheese<th>price in pounds</tr>"
    + "".join(f"<tr><td>Tarn {n}<td>{n}.50</tr>" for n in range(60))
    + "</table>",
    ".rst": "On Saturdays.\n\n.. csv-table::\n   :header: cheese, price in pounds\n\n"
    + "".join(f"   Tarn {n}, {n}.50\n" for n in range(60)),
}


@pytest.mark.parametrize("suffix", TABLES)
def test_every_passage_of_a_long_table_shows_its_header(suffix: str) -> None:
    _, texts, skipped = passages_of(TABLES[suffix], suffix, chunk_tokens=64)
    of_table = [text for text in texts if "Tarn" in text]
    assert len(of_table) > 3
    assert all("cheese | price in pounds" in text and len(text) <= 256 for text in of_table)
    assert "".join(texts).count("Tarn") == TABLES[suffix].count("Tarn")
    assert not skipped.lines()


def test_a_table_whose_first_row_holds_no_names_has_no_header() -> None:
    rows = "".join(f"<tr><td>{n}<td>word number {n}</tr>" for n in range(200))
    _, texts, _ = passages_of(f"<table>{rows}</table>", ".html", chunk_tokens=64)
    assert sum(text.count("word number 0") for text in texts) == 1
