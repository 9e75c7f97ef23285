"""How the seeds are written: in English or not, in which scripts, and what shape their questions have."""

from collections import Counter
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from programs.core.language import english_share, first_script, is_english, scripts
from programs.core.text import length, plain, words

HELD = 0.9  # the share of the seeds' questions that must keep to a rule for rows to be held to it
FOREIGN = 0.25  # of a text's words tell English: it is in English, whatever a name or a title in it may do
SHORT, LONG = 4, 40  # words of an English question; a seed's own may be shorter or longer


class Manner(BaseModel):
    """What rows are held to, after the seeds; by default what holds for questions in English.

    Attributes:
        english: the rules of English words hold. refuses_english: no row may be in English.
        scripts: those of the seeds; empty: any. closes: the marks a question may end in; empty: any end.
        opens: the mark that a question holds before it (¿); empty: none is needed. openers: the seeds' first words.
        lines: a question may have several lines. marks: question marks of a question at most.
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
        """The manner of these questions (or instructions) and answers. `english`: what a person says; None finds out.

        A mark is asked of a row where nine in ten of the questions have it. In another language a question may have
        from half as many words as the shortest of them on, since few seeds do not show the shortest there is.
        """
        asked = [plain(text).strip() for text in questions if text.strip()]
        english = is_english([*questions, *answers]) if english is None else english
        if not asked:
            return cls(english=english, **({} if english else {"closes": "", "shortest": 1}))
        lengths = [length(words(text)) for text in asked]
        return cls(
            english=english,
            refuses_english=not english and all(english_share(text) < FOREIGN for text in asked),
            scripts=tuple(sorted(frozenset().union(*map(scripts, asked)))),
            closes=_closes(asked),
            opens="¿" if _mostly(asked, lambda text: "¿" in text) else "",
            openers=tuple(sorted({said[0] for said in map(words, asked) if said})),
            lines=any("\n" in text for text in asked),
            marks=max(1, *(question_marks(text) for text in asked)),
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
"""What holds where nobody says otherwise."""


def question_marks(text: str) -> int:
    """How many question marks a text has, of any script."""
    return sum(plain(text).count(mark) for mark in "?؟")


def _closes(asked: Sequence[str]) -> str:
    """The marks in which questions end, each of one in ten at least; empty where many end in a letter."""
    if not _mostly(asked, lambda text: not text[-1].isalnum()):
        return ""
    counts = Counter(text[-1] for text in asked)
    return "".join(sorted(mark for mark, n in counts.items() if n >= (1 - HELD) * len(asked) and not mark.isalnum()))


def _mostly(asked: Sequence[str], holds: Callable[[str], bool]) -> bool:
    return sum(map(holds, asked)) >= HELD * len(asked)
