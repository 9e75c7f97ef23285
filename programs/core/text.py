"""Measures of text that need no model: words, numbers, sentences, overlap, ROUGE-L; in any script, by Unicode.

Texts that look the same are equal here: composed or not, full width or not, with or without characters of no width.
Patterns beyond ASCII use the `regex` library, which knows Unicode's properties; ASCII has faster ones.
"""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import regex
from rapidfuzz.distance import Indel

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
STEM = 5  # first letters by which two forms of a word count as the same
ENDS = ".!?)\"'”’»›“」』）》】。！？｡؟۔।॥"  # the last character of a complete answer
QUESTION_MARKS = "?？؟"
STOP_WORDS = frozenset(
    """a an the of to in on at by for from with and or but if as is are was were be been being it its this that these
    those there here he she they them his her their you your we our i do does did has have had not no yes can could
    will would should may must what which who whom whose when where why how than then so into about over under after
    before up down out off only also just very more most""".split()  # noqa: SIM905 - as a list it takes a line a word
)
"""English words with only a grammatical function."""

_WORD = re.compile(r"\w+(?:[.,:'/-]\w+)*")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+(?: [A-Z]\w+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")

# In scripts without blanks between words (Thai to Burmese, Khmer, kana, Han) a letter with its marks counts as a word.
_CROWDED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
END = re.compile(r"(?<=[.!?؟۔])\s+|(?<=[。！？｡।॥])")  # of a sentence, by its punctuation only
_IS_CROWDED = re.compile(f"[{_CROWDED}]")
_LONE = regex.compile(rf"[[{_CROWDED}]&&\p{{L}}]\p{{M}}*", regex.V1)
_ANY_WORD = regex.compile(r"[\w\p{M}]+(?:[.,:'/-][\w\p{M}]+)*")
_ANY_NAME = regex.compile(r"(?<=[\p{Ll},;] )\p{Lu}[\w\p{M}]+(?: \p{Lu}[\w\p{M}]+)*")
# "am 3. Mai": in a text beyond ASCII, a dot after a short number makes an ordinal and ends no sentence.
_OTHER_SENTENCE = re.compile(r"(?<=[.!?؟۔])(?<!\b\d\.)(?<!\b\d\d\.)\s+|\n+")
_ENDS_AT_ONCE = re.compile("[。！？｡।॥]")
_ANY_SENTENCE = regex.compile(
    rf"{_OTHER_SENTENCE.pattern}|(?<=[。！？｡।॥][\p{{Pe}}\p{{Pf}}]*)(?![。！？｡।॥\p{{Pe}}\p{{Pf}}])\s*"
    rf"|(?<=[!?])(?=[{_CROWDED}])"
)
_NO_WIDTH = regex.compile(r"[\p{Cf}\p{DI}]")
_RAISED = regex.compile(r"(?<=\p{Nd})(?=[\p{No}--[\u2080-\u2089]])", regex.V1)  # 3½ is not 31/2, and 10² is not 102
_DIGIT = regex.compile(r"(?![0-9])\p{Nd}")
_SAME_MARKS = {"’": "'", "ʼ": "'", "‐": "-", "−": "-", "⁄": "/", "٫": ".", "٬": ","}
_ANY_SAME_MARKS = re.compile(f"[{''.join(_SAME_MARKS)}]")


def plain(text: str) -> str:
    """A text in the form for comparison: NFKC, without characters of no width, with ASCII digits and apostrophes. ASCII
    is not changed."""
    if text.isascii():
        return text
    text = _NO_WIDTH.sub("", text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", _RAISED.sub(" ", text.replace("´", "'")))
        text = unicodedata.normalize("NFKC", _NO_WIDTH.sub("", text))
    text = _ANY_SAME_MARKS.sub(lambda mark: _SAME_MARKS[mark[0]], text)
    # a digit that is newer than Python's own tables stays as it is
    return _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0], digit[0])), text)


def words(text: str) -> list[str]:
    """Lower-case words; a number with its inner points, commas or colons is one word.

    Marks stay with their letters. In a script without blanks each letter is one word.
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    text = plain(text).lower()
    return _ANY_WORD.findall(_LONE.sub(r" \g<0> ", text) if _IS_CROWDED.search(text) else text)


def numbers(text: str) -> list[str]:
    """The numbers of a text in order, with their inner points, commas, colons and slashes, in ASCII digits."""
    return NUMBER.findall(plain(text))


def length(words: Sequence[str]) -> int:
    """The number of words as a reader counts: in scripts without blanks two letters are about one word."""
    return len(words) - sum(map(is_letter, words)) // 2


def is_letter(word: str) -> bool:
    """Whether a word is one letter of a script without blanks."""
    return not word.isascii() and _LONE.match(word) is not None


def blank_words(text: str) -> int:
    """The number of words between blanks. In scripts without blanks it is counted as in `length`."""
    if text.isascii():
        return len(text.split())
    rest, alone = _LONE.subn(" ", text)
    return sum(_ANY_WORD.search(piece) is not None for piece in rest.split()) + (alone + 1) // 2


def is_crowded(text: str) -> bool:
    """Whether most letters at the beginning of a text are from a script without blanks."""
    start = text[:10_000]
    return not start.isascii() and 2 * len(_LONE.findall(start)) > sum(map(str.isalpha, start))


def content_words(text: str) -> list[str]:
    """The words that carry meaning: all but the English stop words."""
    return [word for word in words(text) if word not in STOP_WORDS]


def stems(text: str) -> set[str]:
    """The first letters of the words that carry meaning, so that `lifted` matches `lift`."""
    return {word[:STEM] for word in content_words(text)}


def names(text: str) -> list[str]:
    """The names in a text, each once: words with a capital letter that do not begin a sentence."""
    return sorted(set((_NAME if text.isascii() else _ANY_NAME).findall(text)))


def sentences(text: str) -> list[str]:
    """Sentences of a text, cut after . ! ? and the same marks of other scripts, and at line breaks."""
    return [piece.strip() for piece in _ends_of(text).split(text) if piece.strip()]


def _ends_of(text: str) -> Any:
    """The pattern to cut a text. The one for any script takes ten times as long."""
    if text.isascii():
        return _SENTENCE
    return _ANY_SENTENCE if _ENDS_AT_ONCE.search(text) or _IS_CROWDED.search(text) else _OTHER_SENTENCE


def f1(text: str, reference: str) -> float:
    """Word F1 of two texts without articles, in [0, 1] (the measure of SQuAD, Rajpurkar et al. 2016, section 6.1)."""
    counts, reference_counts = (Counter(w for w in words(t) if w not in {"a", "an", "the"}) for t in (text, reference))
    common = (counts & reference_counts).total()
    return 2 * common / (counts.total() + reference_counts.total()) if common else 0.0


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L F1 in [0, 1] (Lin 2004, section 3.1): the longest common subsequence of words.

    Each word becomes one symbol, so that an Indel similarity is exactly 2 LCS / (m + n).
    """
    symbols: dict[str, str] = {}
    ours, theirs = (
        "".join(symbols.setdefault(w, chr(0x10000 + len(symbols))) for w in words(t)) for t in (text, reference)
    )
    return Indel.normalized_similarity(ours, theirs) if ours and theirs else 0.0


def copied_share(text: str, source: str) -> float:
    """The longest run of words of `text` that is also in `source`, as a share of `text`, in [0, 1]."""
    return len(copied_run(text, source)) / max(1, len(words(text)))


def copied_run(text: str, source: str) -> list[str]:
    """The longest run of words of `text` that is also in `source`."""
    ours, theirs = words(text), words(source)
    match = SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match()
    return ours[match.a : match.a + match.size]


@functools.lru_cache(maxsize=256)
def on_one_line(text: str) -> str:
    """A text without its line breaks, the form of an instruction in a prompt."""
    return " ".join(text.split())
