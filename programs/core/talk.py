"""One exchange of a talk of a user and an assistant about a document, and the rules that look at the talk before it."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from programs.core.row import Candidate, Drop
from programs.core.text import copied_share, plain, words
from signatures.qa.dialogue import NO_TALK
from signatures.refusal import DOES_NOT_SAY, declines

Kind = Literal["open", "deepen", "clarify", "compare", "correct", "beyond"]
TELLING = 4  # words that no two messages or answers have in common by chance (ours)


class Turn(BaseModel):
    """A message of the user and the assistant's answer. `kind` is `open` for the first message."""

    kind: Kind
    message: str = Field(min_length=1)
    answer: str = ""


class ExchangeView(Candidate, document="passage", prompt="message", response="answer"):
    """One exchange of a talk: the view that checks and judges look at. `history` is the talk before it."""

    passage: str = ""
    history: str = NO_TALK
    kind: str = ""
    message: str = ""
    answer: str = ""

    def take(self, values: dict[str, Any]) -> None:
        super().take(values)
        self.answer = DOES_NOT_SAY if declines(self.answer) else self.answer

    @property
    def request(self) -> str:
        """The message after the talk, without which its "it" and "that" say nothing."""
        return self.message if self.history == NO_TALK else f"{self.history}\nUser: {self.message}"

    @property
    def novelty_key(self) -> str:
        return self.message


def talk(exchanges: Sequence[Turn]) -> str:
    """The exchanges as prompts show them, two lines each; NO_TALK if there are none."""
    lines = (f"User: {turn.message}\nAssistant: {turn.answer}" for turn in exchanges)
    return "\n".join(lines) or NO_TALK


def repeated_message(exchange: ExchangeView) -> Drop | None:
    """A message that the user has sent before, alone or within a longer one."""
    message = plain(exchange.message)
    for earlier in map(plain, _said("User", exchange)):
        is_held = len(words(earlier)) >= TELLING and copied_share(earlier, message) == 1
        if is_held or (words(message) and words(message) == words(earlier)):
            return Drop(step="follow_up", reason="repeated message", detail=exchange.message)
    return None


def repeated_answer(exchange: ExchangeView) -> Drop | None:
    """An answer that was given before: the message asks for nothing new. Short ones, such as a no, may come again."""
    answer = words(plain(exchange.answer))
    if exchange.refuses or len(answer) < TELLING:
        return None
    if answer not in [words(plain(earlier)) for earlier in _said("Assistant", exchange)]:
        return None
    return Drop(step="reply", reason="repeated answer", detail=exchange.answer)


def _said(who: str, exchange: ExchangeView) -> Sequence[str]:
    """The messages of the user, or the answers of the assistant, in the talk before an exchange."""
    return re.findall(rf"^{who}: (.*)$", exchange.history, re.MULTILINE)
