"""Text as it is kept: one way to write a letter, and nothing in it that nobody sees."""

from __future__ import annotations

import itertools
import re
import unicodedata

# What PDFs and old programs write for plain letters: ligatures, forms by position, radicals.
_FORMS = re.compile("[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\u2f00-\u2fd5]+")
_BREAKS = re.compile("\r\n?|[\x0b\x85\u2028\u2029]")
_BLANKS = re.compile("[\xa0\u2000-\u200a\u202f\u205f]")
# Format characters (Cf) but for those that show or shape; controls; fillers; letters of the tag and selector planes.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a]|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"
)
# A joiner shapes Arabic, Indic and their like, and emoji; between other letters it is hidden text.
_JOINERS = re.compile(
    "(?<![\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
    "|[\u200c\u200d](?=[\u200c\u200d])"
)
# Base64, in one line or in lines of one length and a shorter last one, which is no word.
_RUN = re.compile(
    r"(?:data:[\w.+/-]+;base64,)?[A-Za-z0-9+/]{60,}={0,2}(?:\n[ \t]*[A-Za-z0-9+/]{60,}={0,2}(?=\s|$))*"
    r"(?:\n[ \t]*(?=\S*[0-9+/=])[A-Za-z0-9+/]{2,59}={0,2}(?=\s|$))?"
)
BASE64 = 100  # characters from which a run is left out
_MIXED = 0.4  # share of neighbours of two kinds (small, capital, digit); words and paths have half of it


def clean(text: str) -> str:
    """`text` in NFC with newlines as \\n and blanks as such, without unseen characters; lone surrogates become `?`.

    Ligatures (U+FB01) and presentation forms become their letters. The law: clean(clean(text)) == clean(text).
    """
    if text.isascii():
        return _UNSEEN.sub("", _BREAKS.sub("\n", text))
    text = text.encode(errors="replace").decode()  # JSON can hold lone surrogates, which no encoder takes
    text = _BLANKS.sub(" ", _BREAKS.sub("\n", text))
    text = _JOINERS.sub("", _UNSEEN.sub("", text))
    text = _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)
    return unicodedata.normalize("NFC", text)


def without_base64(text: str) -> tuple[str, int]:
    """`text` without its runs of base64 (pictures, keys, signatures), and how many characters that were."""
    kept = _RUN.sub(lambda run: "" if _is_base64(run[0]) else run[0], text)
    return kept, len(text) - len(kept)


def _is_base64(run: str) -> bool:
    if run.startswith("data:"):
        return True
    run = "".join(run[:10_000].split())
    kinds = [letter.islower() + 2 * letter.isdigit() for letter in run.rstrip("=")]
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    return len(run) >= BASE64 and changes >= _MIXED * len(run)
