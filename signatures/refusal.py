"""The sentence with which an answer says that its document does not answer the question."""

import unicodedata

DOES_NOT_SAY = "The document does not say."


def declines(answer: str) -> bool:
    """Whether an answer is that sentence, whatever its case, blanks and stops, and in whichever forms its letters
    are."""
    return _letters(answer) == _letters(DOES_NOT_SAY)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).lower()
