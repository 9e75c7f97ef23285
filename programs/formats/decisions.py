"""Reads the decision in a reply whose field is one of a few values: a verdict, a gate, a grade, a class."""

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

_SYNONYMS = {
    "yes": ("true", "y", "ja", "s\u00ed", "\u662f", "\u662f\u7684", "\u0939\u093e\u0901", "\u0939\u093e\u0902"),
    "no": ("false", "n", "nein", "\u5426", "\u4e0d\u662f", "\u0928\u0939\u0940\u0902"),
}
"""Other words for the two verdicts, in the languages of docs/languages; they count where the text has nothing else."""
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MARKS = re.compile(r"[*_`~#>\"'\u2018-\u201f\u00ab\u00bb()\[\]{}\u300c\u300d\u3010\u3011|]|\\boxed|\\text|<[^<>]*>")
_LABEL = r"(?:verdict|answer|decision|judge?ment|grade|score|rating|label|choice|conclusion|result|class|{field})"
_GOES_ON = r"(?:because|since|as it|as the|it|the|this|that|there|given|for the)\b"
_BEGINS = r"(?:[.!?]\s+|\n\s*|(?:wait|actually|sorry|rather)\W+(?:the )?)"  # a sentence or a second thought
_CLAUSE = re.compile(r"[.,;:!?\n]|\b(?:so|hence|thus|therefore|and)\b")
_OPEN = re.compile(
    r"\b(?:if|whether|unless|suppose|wrong|incorrect|not|cannot|never|nobody|no one|hardly|doubt|unclear)\b"
    r"|n't\b|\b(?:can|don|does|won|wouldn)t\b"  # an apostrophe is taken for a mark of emphasis
)
"""Words that deny or suppose the label that follows in the same clause."""
_HEDGED = re.compile(r"\W*(?:and|or|but|except|unless|if|partly|partially|mostly|however|although|though|maybe)\b")
_OTHER_VALUE = re.compile(r"[\s,]*(?:[/|&,]|-|\u2013|\bor\b|\band\b|\bto\b)\s*")


class _Kind(NamedTuple):
    """The patterns that find the values of a closed set in text."""

    values: dict[str, Any]  # in lower case -> value
    synonyms: dict[str, Any]  # only as the whole text
    at_start: re.Pattern[str]
    labelled: re.Pattern[str]
    alone: re.Pattern[str]  # a sentence, or a line of a list


def decided(text: str, choices: Sequence[Any], field: str = "verdict") -> Any:
    """The choice that a field's text names. Raises ValueError where it names none, or more than one.

    The value may stand alone, first (with a reason after it), or after words such as `verdict:` and `the answer is`,
    in any case, quotes and emphasis. A text with reservations, or about several values, decides nothing.
    """
    kind = _kind(tuple((type(choice), choice) for choice in choices), field.replace("_", " ").lower())
    plain = _plain(text)
    bare = plain.lstrip(" .,;:!?\n").rstrip(" .,;:!?\n\u3002\uff01\uff0c-\u2013\u2014")
    if bare in kind.values:
        return kind.values[bare]
    if bare in kind.synonyms:
        return kind.synonyms[bare]
    values = [kind.values[match[1]] for match in kind.labelled.finditer(plain) if _is_decided(plain, match, kind)]
    values += [kind.values[match[1]] for match in kind.alone.finditer(plain)]
    if (first := kind.at_start.match(plain)) and _is_whole(plain, first, kind):
        values.append(kind.values[first[1]])
    elif kind.at_start.match(plain):
        raise ValueError("a value that is named with another, or with reservations")
    if len(set(map(str, values))) != 1:
        raise ValueError("no decision" if not values else "two decisions")
    return values[0]


def _plain(text: str) -> str:
    """Remove emphasis, and write the text in lower case and each character in its common form (NFKC)."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    in_lines = re.sub(r"[^\S\n]+", " ", _MARKS.sub("", text))
    return re.sub(r"\n[\n ]+", "\n", in_lines).strip().lower()


@functools.lru_cache(maxsize=256)
def _kind(typed: tuple[tuple[type, Any], ...], field: str) -> _Kind:
    choices = [choice for _, choice in typed]
    values = {str(choice).lower(): choice for choice in choices}
    verdicts = [choice for choice in choices if choice in _SYNONYMS]
    synonyms = {word: choice for choice in verdicts for word in _SYNONYMS[choice]} if len(verdicts) == 2 else {}
    numbers = {_NUMBERS[n]: n for n in choices if type(n) is int and 0 <= n < len(_NUMBERS)}
    forms = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    label = _LABEL.format(field=re.escape(field))
    labelled = rf"{label}(?: is| would be| would therefore be|:| =|=)+\s*(?:a )?({forms})(?!\w)"
    return _Kind(
        values,
        synonyms | numbers,
        re.compile(rf"(?:the )?({forms})(?!\w)"),
        re.compile(rf"(?<![\w-]){labelled}"),
        re.compile(rf"{_BEGINS}({forms})(?=\s*(?:[.!?](?!\d)|\n|\Z)|[.)] )"),
    )


def _is_decided(text: str, match: re.Match[str], kind: _Kind) -> bool:
    """Whether a value after a label is a whole statement that is neither denied nor supposed."""
    clause = _CLAUSE.split(text[max(0, match.start() - 200) : match.start()])[-1]
    return not _OPEN.search(clause) and _is_whole(text, match, kind)


def _is_whole(text: str, match: re.Match[str], kind: _Kind) -> bool:
    """Whether a value stands for itself: it is no part of a number, a range, a choice or a phrase."""
    rest, value = text[match.end() :], kind.values[match[1]]
    if type(value) is int:
        best = max(grade for grade in kind.values.values() if type(grade) is int)
        return _is_grade(rest, best) and (rest.lstrip().startswith("/") or not _names_another(rest, kind))
    if _names_another(rest, kind) or _HEDGED.match(rest):
        return False
    if re.match(r"\s+(?:reply|response|one|answer|option|text)?\s*(?:is|was) (?:the )?better\b", rest):
        return True
    rest = (
        re.sub(r"\A\s+(?:reply|response|one|answer|option|text)\b", "", rest) if value in ("first", "second") else rest
    )
    return bool(re.match(rf"\s*(?:\Z|\n|[.,;:!?\u3002\uff0c\uff01-](?!\w)|[\u2013\u2014]|{_GOES_ON})", rest))


def _names_another(rest: str, kind: _Kind) -> bool:
    link = _OTHER_VALUE.match(rest)
    forms = "|".join(re.escape(value) for value in kind.values)
    return bool(link and re.match(rf"(?:{forms})(?!\w)", rest[link.end() :]))


def _is_grade(rest: str, best: int) -> bool:
    """Whether a number with `rest` after it is a grade: `3`, `3.0`, `3/5`, `3 out of 5`, `3 points`, `3, because`."""
    rest = re.sub(r"\A\.0+(?!\d)", "", rest)
    if scale := re.match(r"\s*(?:/|out of|of)\s*(?:a total of )?(\d+)(?:\.0+)?(?![\d.]*\d)", rest):
        return int(scale[1]) == best
    rest = re.sub(r"\A\s+(?:points?|stars?)\b", "", rest)
    return bool(re.match(rf"\s*(?:\Z|\n|[.,;:!?\u3002\uff0c](?!\w)|-\s|[\u2013\u2014]|{_GOES_ON})", rest))
