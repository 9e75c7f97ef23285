"""Characters that cannot be seen, such as those that change the direction of writing, as marks that can be seen."""

import unicodedata

SEEN = "\n\t"
JOINERS = "\u00ad\u200c\u200d"  # which words of many languages need, and which reorder nothing
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode's categories of controls, formats, surrogates and separators


def visible(text: str) -> str:
    """The text with a mark such as `⟨U+202E⟩` for every control character, bidirectional mark or lone surrogate."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def _shown(character: str) -> str:
    hidden = unicodedata.category(character) in HIDDEN and character not in SEEN + JOINERS
    return f"⟨U+{ord(character):04X}⟩" if hidden else character
