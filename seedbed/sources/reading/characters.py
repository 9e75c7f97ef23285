"""Cleans text: one form for each letter, and no invisible characters."""

from __future__ import annotations

import itertools
import re
import unicodedata

# Characters that PDFs and old programs write for plain letters: ligatures, positional forms, radicals.
_FORMS = re.compile("[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\u2f00-\u2fd5]+")
_BREAKS = re.compile("\r\n?|[\x0b\x85\u2028\u2029]")
_BLANKS = re.compile("[\xa0\u2000-\u200a\u202f\u205f]")
# Format characters (Cf) except those that are visible or shape letters; controls; fillers; tags and selectors.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a]"
)
_REPEATED = re.compile("(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+")  # a selector of a form follows its letter once
# A joiner shapes emoji and scripts such as Arabic and Indic; between other letters it is hidden text.
_JOINERS = re.compile(
    "(?<![\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
    "|[\u200c\u200d](?=[\u200c\u200d])"
)
# Base64: one line, or lines of equal length and a shorter last line, which must not be a word.
_RUN = re.compile(
    r"(?:data:[\w.+/-]+;base64,)?[A-Za-z0-9+/]{60,}={0,2}(?:\n[ \t]*[A-Za-z0-9+/]{60,}={0,2}(?=\s|$))*"
    r"(?:\n[ \t]*(?=\S*[0-9+/=])[A-Za-z0-9+/]{2,59}={0,2}(?=\s|$))?"
)
BASE64 = 100  # a run of so many characters or more is removed
_MIXED = 0.4  # least share of neighbours of two kinds (small, capital, digit); words and paths have half of it


def clean(text: str) -> str:
    """Write `text` in NFC, with \\n and plain blanks, without invisible characters; lone surrogates become `?`.

    Ligatures (U+FB01) and presentation forms become their letters. Always: clean(clean(text)) == clean(text).
    """
    if text.isascii():
        return _INVISIBLE.sub("", _BREAKS.sub("\n", text))
    text = text.encode(errors="replace").decode()  # JSON can hold lone surrogates, which cannot be encoded
    text = _BLANKS.sub(" ", _BREAKS.sub("\n", text))
    text = _INVISIBLE.sub("", text)
    while (rest := _JOINERS.sub("", _REPEATED.sub("", text))) != text:  # what is taken away joins what stood beside it
        text = rest
    text = _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)
    return unicodedata.normalize("NFC", text)


def without_base64(text: str) -> tuple[str, int]:
    """Remove the runs of base64 (pictures, keys, signatures) from `text`; also count the removed characters."""
    rest = _RUN.sub(lambda run: "" if _is_base64(run[0]) else run[0], text)
    return rest, len(text) - len(rest)


def _is_base64(run: str) -> bool:
    if run.startswith("data:"):
        return True
    run = "".join(run[:10_000].split())
    kinds = [letter.islower() + 2 * letter.isdigit() for letter in run.rstrip("=")]
    changes = sum(kind != following for kind, following in itertools.pairwise(kinds))
    return len(run) >= BASE64 and changes >= _MIXED * len(run)
