"""Measures of text that need no model: words, sentences, overlap, ROUGE-L."""

import functools
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher

from rapidfuzz.distance import Indel

_WORD = re.compile(r"\w+(?:[.,:'/-]\w+)*")
_NO_BLANKS = re.compile(  # scripts that put none between words: Thai to Burmese, Khmer, kana, Han
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+(?: [A-Z]\w+)*")
STEM = 5  # letters by which two forms of a word are taken for one
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "and",
        "or",
        "but",
        "if",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "he",
        "she",
        "they",
        "them",
        "his",
        "her",
        "their",
        "you",
        "your",
        "we",
        "our",
        "i",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "not",
        "no",
        "yes",
        "can",
        "could",
        "will",
        "would",
        "should",
        "may",
        "must",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "than",
        "then",
        "so",
        "into",
        "about",
        "over",
        "under",
        "after",
        "before",
        "up",
        "down",
        "out",
        "off",
        "only",
        "also",
        "just",
        "very",
        "more",
        "most",
    ]
)


def words(text: str) -> list[str]:
    """Lower-case words; a number with its inner points, commas or colons is one word.

    Texts that look the same have the same words: composed or not, full width or not, and whatever has no width. In a
    script without blanks each character is a word.
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    unseen, word = _beyond_ascii()
    text = unicodedata.normalize("NFKC", unseen.sub("", text)).lower()
    return word.findall(_NO_BLANKS.sub(r" \g<0> ", text))


@functools.cache
def _beyond_ascii() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Characters without width, and words whose letters may carry signs, as those of Indian scripts do."""
    kinds = dict[str, list[str]]()
    for mark in map(chr, range(0x80, 0x10000)):
        kinds.setdefault(unicodedata.category(mark), []).append(mark)
    letter = rf"[\w{''.join(kinds['Mn'] + kinds['Mc'])}]"
    return re.compile(f"[{''.join(kinds['Cf'])}]"), re.compile(rf"{letter}+(?:[.,:'/-]{letter}+)*")


def content_words(text: str) -> list[str]:
    """The words that carry meaning: without the stop words."""
    return [word for word in words(text) if word not in STOP_WORDS]


def stems(text: str) -> set[str]:
    """The words that carry meaning by their first letters, so that `lifted` is found in `lift`."""
    return {word[:STEM] for word in content_words(text)}


def names(text: str) -> list[str]:
    """The names in a text, each once: words with a capital letter that begin no sentence."""
    return sorted(set(_NAME.findall(text)))


def sentences(text: str) -> list[str]:
    """Sentences of a text, cut after . ! ? and at line breaks."""
    return [piece.strip() for piece in _SENTENCE.split(text) if piece.strip()]


def f1(text: str, reference: str) -> float:
    """Word F1 of two texts without articles, in [0, 1] (the measure of SQuAD, Rajpurkar et al. 2016, section 6.1)."""
    ours, theirs = (Counter(w for w in words(t) if w not in {"a", "an", "the"}) for t in (text, reference))
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total()) if common else 0.0


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
    """The longest run of words of `text` found word for word in `source`, as a share of `text`, in [0, 1]."""
    ours, theirs = words(text), words(source)
    match = SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match()
    return match.size / len(ours) if ours else 0.0
