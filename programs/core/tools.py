"""What a program uses beside its teacher, and how its calls are meant: one typed object in DSPy's settings."""

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import dspy

from programs.core.candidate import Candidate, Drop
from programs.core.embedding import Embed

Veto = Callable[[Candidate], Awaitable[Drop | None]]
"""Looks at a candidate and says why it can be no row; None where nothing speaks against it."""


@dataclasses.dataclass(frozen=True)
class Tools:
    """The context of a program while it runs. The teacher itself is `dspy.settings.lm`.

    Attributes:
        judge: the judges' model, a `dspy.LM`; None: they ask the teacher. embed: texts -> unit vectors; None: nothing
        is embedded. veto: looks at every candidate before its next call is paid.
        trying: calls are trials, so a refused request is the prompt's fault and says nothing of the model.
        continues: the one message of a call is plain text to be continued. candidate: the candidate that a call is
        made for; None where it serves several.
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
    """The tools at hand; without any, the defaults."""
    current: Tools = dspy.settings.get("tools", _NONE)
    return current


def using(**changes: Any) -> AbstractContextManager[None]:
    """The context in which these attributes of the tools are others."""
    context: AbstractContextManager[None] = dspy.context(tools=dataclasses.replace(tools(), **changes))
    return context
