"""Which words a form may be of."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import vocabulary

from programs.core.inflection import bases, occurs

REGULAR: dict[str, Callable[[str], str]] = {
    "verb": lambda word: f"{word[:-2]}ying" if word[-2:] == "ie" else f"{re.sub('(?<![eo])e$', '', word)}ing",
    "noun": lambda word: f"{word[:-1]}ies" if re.search("[^aeiou]y$", word) else f"{word}s",
    "adjective": lambda word: f"{re.sub('(?<=[^aeiou])y$', 'i', word.removesuffix('e'))}er",
}


@pytest.mark.parametrize(
    ("form", "kind", "word"),
    [
        ("climbs", "verb", "climb"),
        ("wishes", "verb", "wish"),
        ("hurries", "verb", "hurry"),
        ("hurried", "verb", "hurry"),
        ("danced", "verb", "dance"),
        ("dancing", "verb", "dance"),
        ("hopped", "verb", "hop"),
        ("running", "verb", "run"),
        ("tying", "verb", "tie"),
        ("agreed", "verb", "agree"),
        ("tiptoed", "verb", "tiptoe"),
        ("forgot", "verb", "forget"),
        ("lay", "verb", "lie"),
        ("cats", "noun", "cat"),
        ("cat's", "noun", "cat"),
        ("foxes", "noun", "fox"),
        ("puppies", "noun", "puppy"),
        ("wolves", "noun", "wolf"),
        ("mice", "noun", "mouse"),
        ("bigger", "adjective", "big"),
        ("nicest", "adjective", "nice"),
        ("happily", "adjective", "happy"),
        ("gently", "adjective", "gentle"),
        ("fully", "adjective", "full"),
        ("prettier", "adjective", "pretty"),
        ("better", "adjective", "good"),
        ("gray", "adjective", "grey"),
        ("colors", "verb", "colour"),
    ],
)
def test_a_form_is_of_its_word(form: str, kind: str, word: str) -> None:
    assert occurs(word, [form], kind)


@pytest.mark.parametrize(
    ("form", "kind", "word"),
    [
        ("mother", "noun", "moth"),
        ("evening", "adjective", "even"),
        ("flower", "verb", "flow"),
        ("carpet", "noun", "car"),
        ("wing", "verb", "w"),
        ("left", "noun", "leave"),
    ],
)
def test_a_word_that_only_looks_like_a_form_is_none(form: str, kind: str, word: str) -> None:
    assert not occurs(word, [form], kind)


@given(st.data())
def test_every_shipped_word_has_its_regular_forms(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(REGULAR)))
    word = data.draw(st.sampled_from(vocabulary.words(kind)))
    assert occurs(word, ["other", REGULAR[kind](word)], kind)
    assert word in bases(word, kind) <= bases(word)
