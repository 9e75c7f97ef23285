"""Words, numbers and sentences by Unicode; of ASCII what was always taken."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from programs.core.text import blank_words, copied_share, f1, length, names, numbers, plain, rouge_l, sentences, words

ASCII = st.text(st.characters(max_codepoint=127)) | st.text(st.sampled_from("aB 3.,:'/-_?!\n"))
LETTERS = "aZßéñÜ3ж中桥가かガﬁＡ１हिंकाटीعﷲ٣ก้۔。!? -'"
UNSEEN = ["\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff", "\ufe0f"]


@given(ASCII)
@example("Don't pay 1,700.50 at 10:30. Or 3/4? Yes!\nA New House by the old Mill of J. Smith-Jones")
def test_ascii_is_taken_as_it_always_was(text: str) -> None:
    """The shipped weights were fitted to these."""
    assert words(text) == re.findall(r"\w+(?:[.,:'/-]\w+)*", text.lower())
    assert numbers(text) == re.findall(r"\d+(?:[.,:/]\d+)*", text)
    assert sentences(text) == [p.strip() for p in re.split(r"(?<=[.!?])\s+|\n+", text) if p.strip()]
    assert names(text) == sorted(set(re.findall(r"(?<=[a-z,;] )[A-Z]\w+(?: [A-Z]\w+)*", text)))
    assert (length(words(text)), blank_words(text)) == (len(words(text)), len(text.split()))


@given(st.text(st.sampled_from(LETTERS), max_size=20), st.sampled_from(UNSEEN), st.integers(0, 20))
def test_what_looks_the_same_is_the_same(text: str, unseen: str, place: int) -> None:
    composed = unicodedata.normalize("NFC", text)
    for form in ("NFD", "NFKC", "NFKD"):
        assert words(unicodedata.normalize(form, composed)) == words(composed)
    assert words(f"{composed[:place]}{unseen}{composed[place:]}") == words(composed)
    assert plain(plain(composed)) == plain(composed)


@example("\U00011bf0")  # a digit of Unicode 16, which regex knows and Python 3.11 does not
@given(st.text(max_size=40))
def test_no_text_breaks_it_and_nothing_of_a_sentence_is_lost(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert 0 <= length(words(text)) <= len(words(text))
    assert blank_words(text) >= 0
    assert all(words(" ".join(words(text))) == words(text) for _ in range(1))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Die Brücke wurde am 3. Mai 1956 eröffnet. Sie ist lang.", 2),
        ("这座桥很长。真的！对吗？对", 4),
        ("他说：「好。」然后走了。", 2),
        ("पुल १९३१ में खुला। यह ४० मीटर लंबा है।", 2),
        ("पुल खुला।यह लंबा है।", 2),
        ("متى افتتح الجسر؟ افتتح عام ١٩٣١. وهو طويل.", 3),
        ("¿Dónde está? ¡Aquí! No sé.", 3),
        ("他来了吗?没有!", 2),
    ],
)
def test_sentences_end_as_their_script_has_it(text: str, told: int) -> None:
    assert len(sentences(text)) == told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("१९३१ में ४०.५ मीटर", ["1931", "40.5"]),
        ("１９３１年に４０メートル", ["1931", "40"]),
        ("عام ١٩٣١ و٣٫٥ متر", ["1931", "3.5"]),
        ("3½ km² und 10² Teile", ["3", "1/2", "2", "10", "2"]),
        ("๒๕ บาท", ["25"]),
    ],
)
def test_numbers_of_every_script_are_told(text: str, found: list[str]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("桥", ["桥"]),
        ("ガス", ["ガ", "ス"]),
        ("कहाँ किताबें", ["कहाँ", "किताबें"]),
        ("don’t l’eau", ["don't", "l'eau"]),
        ("co‐operate non‑stop", ["co-operate", "non-stop"]),
        ("ที่นี่ ๒๕", ["ที่", "นี่", "25"]),
        ("다리는 1931년에", ["다리는", "1931년에"]),
        ("ﬁn OΩ", ["fin", "oω"]),
        ("a\u0304 x\u0301y", ["ā", "x\u0301y"]),
    ],
)
def test_words_of_every_script(text: str, told: list[str]) -> None:
    assert words(text) == told


def test_a_text_is_as_long_as_its_reader_finds_it() -> None:
    assert length(words("这座桥建于一九三一年全长四十米")) in (7, 8)
    assert blank_words("这座桥建于一九三一年，全长四十米。") == 8
    assert blank_words("Das ist ein Satz – mehr nicht.") == 6


def test_measures_hold_in_scripts_without_blanks() -> None:
    assert rouge_l("这座桥是哪一年建成的？", "这座桥是哪年建成的?") > 0.9
    assert copied_share("全长四十米", "这座桥全长四十米。") == 1


TEXTS = st.lists(st.sampled_from(["a", "b", "the", "kettle", "water", "1.7", "don't"]), max_size=12).map(" ".join)


@given(TEXTS, TEXTS)
def test_overlaps_lie_between_0_and_1(one: str, other: str) -> None:
    assert all(0 <= measure(one, other) <= 1 for measure in (f1, rouge_l, copied_share))


@given(TEXTS, TEXTS)
def test_overlaps_are_symmetric(one: str, other: str) -> None:
    assert (rouge_l(one, other), f1(one, other)) == (rouge_l(other, one), f1(other, one))


@given(TEXTS.map(lambda text: f"{text} water"))
def test_a_text_is_wholly_like_itself(text: str) -> None:
    assert [measure(text, text.upper()) for measure in (f1, rouge_l, copied_share)] == [1, 1, 1]


@given(TEXTS, TEXTS)
def test_rouge_l_is_the_longest_common_subsequence(one: str, other: str) -> None:
    ours, theirs = words(one), words(other)
    table = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, w in enumerate(ours):
        for j, v in enumerate(theirs):
            table[i + 1][j + 1] = table[i][j] + 1 if w == v else max(table[i][j + 1], table[i + 1][j])
    expected = 2 * table[-1][-1] / (len(ours) + len(theirs)) if ours and theirs else 0.0
    assert rouge_l(one, other) == pytest.approx(expected)
