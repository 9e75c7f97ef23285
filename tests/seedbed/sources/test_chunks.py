"""The law of chunks: exact spans of the text, in order, apart, small enough, and within one section."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.sources.chunks import chunk
from seedbed.sources.reading.document import Document, Heading

BODIES = st.one_of(st.text(), st.text(alphabet="aé𝔘 .\n\t👩\u200d", min_size=20, max_size=400))
SECTIONS = st.lists(st.tuples(st.integers(1, 6), st.text(alphabet="Tïtle", min_size=1), BODIES), max_size=5)


def build(opening: str, sections: list[tuple[int, str, str]]) -> Document:
    text, headings = opening, []
    for level, title, body in sections:
        text += "\n\n"
        headings.append(Heading(len(text), level, title))
        text += f"{title}\n\n{body}"
    return Document("a.md", text, tuple(headings))


@given(BODIES, SECTIONS, st.integers(1, 60))
def test_law(opening: str, sections: list[tuple[int, str, str]], tokens: int) -> None:
    document = build(opening, sections)
    chunks = chunk(document, tokens)
    for c in chunks:
        assert document.text[c.start : c.end] == c.text
        assert c.text.strip()
        assert len(c.text) <= 4 * tokens
        for h in document.headings:
            assert c.end <= h.offset or c.start >= h.offset + len(h.title)
    assert all(chunk_before.end <= chunk_after.start for chunk_before, chunk_after in pairwise(chunks))
    assert len({c.id for c in chunks}) == len(chunks)


@given(BODIES, SECTIONS, st.integers(1, 60))
def test_only_whitespace_and_headings_are_left_out(
    opening: str, sections: list[tuple[int, str, str]], tokens: int
) -> None:
    document = build(opening, sections)
    letters = "".join("".join(c.text.split()) for c in chunk(document, tokens))
    assert letters == "".join("".join(body.split()) for body in (opening, *(body for _, _, body in sections)))


def test_the_heading_path_is_outermost_first_and_forgets_closed_sections() -> None:
    document = build("before", [(1, "A", "a"), (2, "B", "b"), (3, "C", "c"), (2, "D", "d"), (1, "E", "e")])
    paths = {c.text: c.headings for c in chunk(document, 10)}
    assert paths == {
        "before": (),
        "a": ("A",),
        "b": ("A", "B"),
        "c": ("A", "B", "C"),
        "d": ("A", "D"),
        "e": ("E",),
    }


def test_paragraphs_stay_whole_where_they_fit() -> None:
    paragraphs = ["One sentence. And one more here.", "Two is a paragraph too.", "Three is the last one."]
    document = Document("a.txt", "\n\n".join(paragraphs))
    assert [c.text for c in chunk(document, 9)] == paragraphs


def test_an_id_names_a_place_in_a_version_of_a_document() -> None:
    document = Document("a.txt", "Some words.")
    (first,) = chunk(document, 10)
    (renamed,) = chunk(Document("b.txt", "Some words."), 10)
    (edited,) = chunk(Document("a.txt", "Some wordz."), 10)
    assert first == chunk(document, 10)[0]
    assert len(first.id) == 16
    assert len({first.id, renamed.id, edited.id}) == 3
    assert first.text_hash == document.hash


def test_a_chunk_needs_a_token() -> None:
    with pytest.raises(ValueError, match="at least 1 token"):
        chunk(Document("a.txt", "x"), 0)
