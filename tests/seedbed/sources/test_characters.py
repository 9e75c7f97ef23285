"""Text as it is kept: the laws of cleaning, and the characters that PDFs, pages and people bring."""

import base64
import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedbed.sources.reading.characters import clean, without_base64
from seedbed.sources.reading.extract import extract

UNSEEN = "\u200b\u2060\ufeff\u00ad\u202e\u2066\U000e0041\u180e\u3164\x07"


@example("\ufe00\x1f\ufe00")
@example("\ufe00\u200c\ufe0f\u200d")
@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="e\u0301\ufb01\u200d\u200b\ufe0f می👩💻 \n\r"))
def test_cleaning_is_done_once_and_in_nfc(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set(UNSEEN)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P"], max_codepoint=0x52F)))
def test_letters_that_are_seen_stay(text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("source", "clean_text"),
    [
        ("cafe\u0301", "café"),
        ("o\ufb03ce \ufb01ne", "office fine"),
        ("a\u00a0b\u202fc\u2009d", "a b c d"),
        ("sub\u00adject", "subject"),
        ("a\u2028b\x85c\r\nd", "a\nb\nc\nd"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # which is spelled with it
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("👩\u200d💻 ❤\ufe0f", "👩\u200d💻 ❤\ufe0f"),
        ("pass\u200dword", "password"),
        ("Hi\U000e0049\U000e0067\U000e006e\U000e006f", "Hi"),
        ("\u2f08\u2f00", "人一"),  # radicals in a PDF's font
        ("\ufefb", "لا"),
    ],
)
@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".rst"])
def test_what_is_read_is_clean(source: str, clean_text: str, suffix: str) -> None:
    if suffix == ".html":
        source = "".join(letter if letter.isspace() else f"&#{ord(letter)};" for letter in source)
    text = extract(source.encode(), suffix).text
    assert " ".join(text.split()) == " ".join(clean_text.split())


BLOB = base64.b64encode(bytes(range(256)) * 20).decode()
LINES = base64.encodebytes(os.urandom(900)).decode()
PHOTO = base64.b64encode(os.urandom(5000)).decode()


@pytest.mark.parametrize("run", [BLOB, PHOTO, LINES, f"data:image/png;base64,{BLOB}"])
@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".rst"])
def test_base64_is_left_out_with_a_note(run: str, suffix: str) -> None:
    before, after = "The mast is 30 metres high.", "Oiled\n\nCups are oiled."
    document = extract(f"{before}\n\n{run}\n{after}\n".encode(), suffix)
    assert document.text.split() == [*before.split(), *after.split()]
    assert any("base64" in note for note in document.notes)


@pytest.mark.parametrize(
    "text",
    [
        "ab" * 1500,
        "ACGT" * 400,
        "0123456789abcdef" * 20,
        "Donaudampfschifffahrtsgesellschaftskapitaen" * 4,
        "https://example.org/docs/Reference/SomeLongPath/AnotherPart/Of2024/TheVeryLastOne/" + "Section/" * 9,
        "\n".join(["word"] * 500),
    ],
)
def test_long_words_and_paths_are_no_base64(text: str) -> None:
    assert without_base64(text) == (text, 0)
