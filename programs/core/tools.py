"""The tools of a program besides its teacher, and the mode of its calls: one typed object in DSPy's settings."""

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import dspy

from programs.core.embedding import Embed
from programs.core.row import Candidate, Drop

Veto = Callable[[Candidate], Awaitable[Drop | None]]
"""Returns why a candidate cannot become a row; None if there is no reason."""


@dataclasses.dataclass(frozen=True)
class Tools:
    """The context of a program while it runs. The teacher itself is `dspy.settings.lm`.

    Attributes:
        judge: the judges' model, a `dspy.LM`; None: they ask the teacher. embed: texts -> unit vectors; None: nothing
        is embedded. veto: checks every candidate before its next call is paid.
        trying: calls are trials, so a refused request is the prompt's fault and not the model's.
        continues: the one message of a call is plain text to continue. candidate: the candidate that a call
        is made for; None where it serves several.
    """

    judge: Any = None
    embed: Embed | None = None
    veto: Veto | None = None
    trying: bool = False
    continues: bool = False
    candidate: Candidate | None = None

    @property
    def judge_lm(self) -> Any:
        """The model that judges ask."""
        return self.judge or dspy.settings.lm


_NONE = Tools()


def tools() -> Tools:
    """The current tools; by default, empty ones."""
    current: Tools = dspy.settings.get("tools", _NONE)
    return current


def using(**changes: Any) -> AbstractContextManager[None]:
    """The context with these attributes of the tools changed."""
    context: AbstractContextManager[None] = dspy.context(tools=dataclasses.replace(tools(), **changes))
    return context
