"""Whether texts are in English, since rules on English words hold only there, and in which scripts they are."""

import unicodedata
from collections.abc import Iterable

from programs.core.text import plain, words

ENGLISH_WORDS = frozenset(
    """the of and what which how that this these with when where who why are were does did from by it its not have been
    be can you your""".split()  # noqa: SIM905 - as a list it takes a line a word
)
"""Words that are common in English and rare in other languages: about a quarter of a text in English."""
FEWEST = 0.05  # their least share of a text in English; the shipped seeds have 0.2, other languages 0.02
_KIN = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK", "BOPOMOFO": "CJK"}


def english_share(text: str) -> float:
    """The share of ENGLISH_WORDS among a text's words, without numbers; 0 for a text without words."""
    letter_words = [word for word in words(text) if word[0].isalpha()]
    return sum(word in ENGLISH_WORDS for word in letter_words) / len(letter_words) if letter_words else 0.0


def is_english(texts: Iterable[str]) -> bool:
    """Whether texts, all taken together, are in English; True for texts without letters."""
    whole = "\n".join(texts)
    return not any(map(str.isalpha, whole)) or english_share(whole) >= FEWEST


def script(letter: str) -> str:
    """The script of a letter by its Unicode name, such as LATIN, DEVANAGARI, or CJK, which includes kana."""
    first = unicodedata.name(letter, "UNNAMED").split()[0]
    return _KIN.get(first, first)


def scripts(text: str) -> frozenset[str]:
    """The scripts of a text's letters."""
    if text.isascii():
        return frozenset({"LATIN"}) if any(map(str.isalpha, text)) else frozenset()
    return frozenset(map(script, filter(str.isalpha, set(plain(text)))))


def first_script(text: str) -> str:
    """The script of a text's first letter; empty if it has none."""
    letter = next(filter(str.isalpha, plain(text)), "")
    return script(letter) if letter else ""
