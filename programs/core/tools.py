"""The tools of a program besides its teacher, and the mode of its calls: one typed object in DSPy's settings."""

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import dspy

from programs.core.embedding import Embed
from programs.core.outputs import Ending
from programs.core.row import Candidate, Drop
from programs.core.verdict import Verdict

Veto = Callable[[Candidate], Awaitable[Drop | None]]
"""Returns why a candidate cannot become a row; None if there is no reason."""
JudgeRow = Callable[[str, Candidate], Awaitable[Verdict]]
"""An aspect and a row -> the verdict of the run's judge for that aspect. Raises RuntimeError if there is no such
judge."""


class Member(NamedTuple):
    """A model that a program may ask beside its teacher: its alias in the config, and the model, a `dspy.LM`."""

    alias: str
    lm: Any


@dataclasses.dataclass(frozen=True)
class Tools:
    """The context of a program while it runs. The teacher itself is `dspy.settings.lm`.

    Attributes:
        judge: the judges' model, a `dspy.LM`; None: they ask the teacher. embed: texts -> unit vectors; None: nothing
        is embedded. veto: checks every candidate before its next call is paid. judge_row: asks the run's judges; None:
        there are none. panel, student, weak: the models of these roles.
        draw: 0 at the first use of a source; the calls of later ones are sampled.
        trying: calls are trials, so a refused request is the prompt's fault and not the model's.
        continues: the one message of a call is plain text to continue. candidate: the candidate that a call
        is made for; None where it serves several. endings: collects how replies ended; None: nobody reads it.
    """

    judge: Any = None
    embed: Embed | None = None
    veto: Veto | None = None
    judge_row: JudgeRow | None = None
    panel: tuple[Member, ...] = ()
    student: Member | None = None
    weak: Member | None = None
    draw: int = 0
    trying: bool = False
    continues: bool = False
    candidate: Candidate | None = None
    endings: list[Ending] | None = None

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
