"""Whether texts are in English, for which alone rules of English words hold, and in which scripts they are."""

import unicodedata
from collections.abc import Iterable

from programs.core.text import plain, words

TELLING = frozenset(
    """the of and what which how that this these with when where who why are were does did from by it its not have been
    be can you your""".split()  # noqa: SIM905 - as a list it takes a line a word
)
"""Words that English can hardly do without, and that few other languages have: of a text in English about a quarter."""
FEWEST = 0.05  # their share of a text from which on it is in English; the shipped seeds have 0.2, other languages 0.02
_KIN = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK", "BOPOMOFO": "CJK"}


def english_share(text: str) -> float:
    """The share of a text's words, numbers left out, that tell English; 0 of a text without any."""
    said = [word for word in words(text) if word[0].isalpha()]
    return sum(word in TELLING for word in said) / len(said) if said else 0.0


def is_english(texts: Iterable[str]) -> bool:
    """Whether texts are in English, all taken together; so is nothing at all."""
    whole = "\n".join(texts)
    return not any(map(str.isalpha, whole)) or english_share(whole) >= FEWEST


def script(letter: str) -> str:
    """The script of a letter by its Unicode name, such as LATIN, DEVANAGARI, or CJK, which Japanese mixes with kana."""
    first = unicodedata.name(letter, "UNNAMED").split()[0]
    return _KIN.get(first, first)


def scripts(text: str) -> frozenset[str]:
    """The scripts of a text's letters."""
    if text.isascii():
        return frozenset({"LATIN"}) if any(map(str.isalpha, text)) else frozenset()
    return frozenset(map(script, filter(str.isalpha, set(plain(text)))))


def first_script(text: str) -> str:
    """The script of a text's first letter; empty where it has none."""
    letter = next(filter(str.isalpha, plain(text)), "")
    return script(letter) if letter else ""
