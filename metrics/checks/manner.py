"""How the seeds are written: in English or not, in which scripts, with questions of which shape."""

from collections import Counter
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from programs.core.language import english_share, first_script, is_english, scripts
from programs.core.text import length, plain, words

COMMON = 0.9  # rows must obey a rule if at least this share of the seeds' questions obey it
FOREIGN = 0.25  # a text with this share of English words is in English, whatever names or titles it has
SHORT, LONG = 4, 40  # words of an English question; a seed's own may be shorter or longer


class Manner(BaseModel):
    """The rules for rows, taken from the seeds; by default the rules for questions in English.

    Attributes:
        english: the rules of English words apply. refuses_english: no row may be in English.
        scripts: those of the seeds; empty: any. closes: the marks a question may end in; empty: any end.
        opens: the mark that a question must contain (¿); empty: none. openers: the seeds' first words.
        lines: a question may have several lines. marks: the most question marks in a question.
        shortest, longest: words of a question, as `programs.core.text.length` counts.
    """

    model_config = ConfigDict(frozen=True)
    english: bool = True
    refuses_english: bool = False
    scripts: tuple[str, ...] = ()
    closes: str = "?"
    opens: str = ""
    openers: tuple[str, ...] = ()
    lines: bool = False
    marks: int = 1
    shortest: int = SHORT
    longest: int = LONG

    @classmethod
    def of(cls, questions: Sequence[str], answers: Sequence[str] = (), *, english: bool | None = None) -> "Manner":
        """The manner of these questions (or instructions) and answers. `english`: the user's choice; None detects it.

        Rows must have a mark if nine in ten of the questions have it. In another language a question may have half as
        many words as the shortest seed, because a few seeds do not show the shortest possible question.
        """
        texts = [plain(text).strip() for text in questions if text.strip()]
        english = is_english([*questions, *answers]) if english is None else english
        if not texts:
            return cls(english=english, **({} if english else {"closes": "", "shortest": 1}))
        lengths = [length(words(text)) for text in texts]
        return cls(
            english=english,
            refuses_english=not english and all(english_share(text) < FOREIGN for text in texts),
            scripts=tuple(sorted(frozenset().union(*map(scripts, texts)))),
            closes=_closes(texts),
            opens="¿" if _mostly(texts, lambda text: "¿" in text) else "",
            openers=tuple(sorted({text_words[0] for text_words in map(words, texts) if text_words})),
            lines=any("\n" in text for text in texts),
            marks=max(1, *(question_marks(text) for text in texts)),
            shortest=min(SHORT, min(lengths)) if english else max(1, min(lengths) // 2),
            longest=max(LONG, max(lengths)),
        )

    def is_foreign(self, text: str, beside: str = "") -> bool:
        """Whether a text begins in a script that neither the seeds nor the text `beside` have, or is in English where
        the seeds are not."""
        first = first_script(text) if self.scripts else ""
        if first and first not in self.scripts and first not in scripts(beside):
            return True
        return self.refuses_english and len(words(text)) >= SHORT and english_share(text) >= FOREIGN


ENGLISH = Manner()
"""The default manner."""


def question_marks(text: str) -> int:
    """How many question marks a text has, of any script."""
    return sum(plain(text).count(mark) for mark in "?؟")


def _closes(texts: Sequence[str]) -> str:
    """The marks in which at least one in ten questions end; empty where many questions end in a letter."""
    if not _mostly(texts, lambda text: not text[-1].isalnum()):
        return ""
    counts = Counter(text[-1] for text in texts)
    return "".join(sorted(mark for mark, n in counts.items() if n >= (1 - COMMON) * len(texts) and not mark.isalnum()))


def _mostly(texts: Sequence[str], holds: Callable[[str], bool]) -> bool:
    return sum(map(holds, texts)) >= COMMON * len(texts)
