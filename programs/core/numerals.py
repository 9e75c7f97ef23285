"""Numbers that a text spells out, in words or in Chinese characters."""

import functools
import re

from text_to_num import alpha2digit

from programs.core.language import is_english
from programs.core.text import numbers, plain

_OTHERS = ("de", "es", "fr", "it", "nl", "pt")
_ONES = {mark: value for value, mark in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_SPELT = re.compile(f"[{''.join([*_ONES, *_TENS])}]+")


@functools.lru_cache(maxsize=1024)  # a passage is read several times for each of its rows
def spelt_numbers(text: str) -> frozenset[str]:
    """The numbers that a text spells out, in ASCII digits: in words, if text2num knows the language, or in Chinese
    characters. "One" alone does not count, since it may be a pronoun."""
    languages = ("en",) if is_english([text]) else _OTHERS
    in_words = {number for language in languages for number in numbers(alpha2digit(text, language))}
    chinese = () if text.isascii() else (str(_value(run)) for run in _SPELT.findall(plain(text)))
    return frozenset(in_words.difference(numbers(text)).union(chinese))


def _value(spelt: str) -> int:
    """The value of a number in Chinese characters: 三百一十 is 310, 二〇二四 is 2024, 两万零五 is 20005."""
    if not set(spelt) & _TENS.keys():
        return int("".join(str(_ONES[mark]) for mark in spelt))
    whole = below = last = 0
    for mark in spelt:
        if mark in _ONES:
            last = _ONES[mark]
        elif _TENS[mark] < 10_000:
            below, last = below + (last or 1) * _TENS[mark], 0
        else:
            whole, below, last = (whole + below + last) * _TENS[mark], 0, 0
    return whole + below + last
