"""The shipped checks by name, and the checks of a recipe in their order."""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from metrics.checks import vetoes
from metrics.checks.manner import ENGLISH, Manner
from metrics.checks.refusals import refusal
from metrics.evidence import likeness, word_support
from programs.core.checks import Rule
from programs.core.embedding import Embed, ahead
from programs.core.row import Candidate, Drop


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that the shipped checks compare a row with.

    Attributes:
        manner: the style of the seeds. shown: prompts that no row may repeat. embed: texts -> unit vectors.
        relevance: the lowest cosine of prompt and document. support: the lowest share of the answer's content words
        that are in the document.
    """

    embed: Embed
    manner: Manner = ENGLISH
    shown: Sequence[str] = ()
    relevance: float = 0.2
    support: float = 0.5


class Check(NamedTuple):
    """A shipped check. It is made of a row's view as soon as the view has the part that `reads` names.

    `response` stands for a response that does not refuse: no rule for answers applies to the sentence that the document
    does not say.
    """

    reads: Literal["anything", "prompt", "response"]
    rule: Callable[[Candidate, Setting], Drop | Awaitable[Drop | None] | None]


async def off_topic(view: Candidate, setting: Setting) -> Drop | None:
    """A request that is not about the document, by the cosine of their vectors."""
    if not view.document:
        return None
    texts = view.request, view.document
    relevance = likeness(await ahead(setting.embed, texts), *texts)
    if relevance >= setting.relevance:
        return None
    return vetoes.drop("off topic", f"question and document are {relevance:.2f} alike")


def unsupported(view: Candidate, setting: Setting) -> Drop | None:
    """An answer with too few words of the document."""
    if not view.document or not view.prompt:
        return None
    support = word_support(view.response, view.document, english=setting.manner.english)
    return (
        vetoes.drop("unsupported", f"{support:.0%} of the answer is in the document")
        if support < setting.support
        else None
    )


def _word_list(view: Candidate, setting: Setting) -> Drop | None:
    return vetoes.word_list(view) if setting.manner.english else None


CHECKS: dict[str, Check] = {
    "refusal": Check("anything", lambda view, _: refusal(view)),
    "leak": Check("anything", lambda view, _: vetoes.leak(view)),
    "template marks": Check("anything", lambda view, _: vetoes.template_marks(view)),
    "repetition": Check("anything", lambda view, _: vetoes.loop(view)),
    "repeated sentence": Check("response", lambda view, _: vetoes.repeated_sentence(view)),
    "language": Check("anything", lambda view, setting: vetoes.another_language(view, setting.manner)),
    "question": Check("prompt", lambda view, setting: vetoes.ill_formed_question(view, setting.manner)),
    "word list": Check("anything", _word_list),
    "copied sentence": Check("prompt", lambda view, setting: vetoes.copied_question(view, setting.manner)),
    "answer": Check("response", lambda view, _: vetoes.bad_answer(view)),
    "obeyed": Check("response", lambda view, _: vetoes.obeyed(view)),
    "number": Check("response", lambda view, _: vetoes.ungrounded_number(view)),
    "pasted passage": Check("response", lambda view, _: vetoes.pasted_answer(view)),
    "copied seed": Check("anything", lambda view, setting: vetoes.like_a_seed(view, setting.shown)),
    "off topic": Check("prompt", off_topic),
    "unsupported": Check("response", unsupported),
}


async def first_fault(row: Candidate, checks: Sequence[str | Rule], setting: Setting) -> Drop | None:
    """The first fault of the fields that are filled so far; None if there is none. Checks run in their order: shipped
    ones on every view of the row, the recipe's own on the row."""
    views = row.views()
    for check in checks:
        for target in views if isinstance(check, str) else [row]:
            if drop := await _drop(target, check, setting):
                return drop
    return None


async def _drop(target: Candidate, check: str | Rule, setting: Setting) -> Drop | None:
    if isinstance(check, str):
        reads, rule = CHECKS[check]
        if not _has(target, reads):
            return None
        drop = rule(target, setting)
    else:
        drop = check(target)
    return await drop if inspect.isawaitable(drop) else drop


def _has(view: Candidate, part: str) -> bool:
    answers = bool(view.response) and not view.refuses
    return {"anything": bool(view.prompt) or answers, "prompt": bool(view.prompt), "response": answers}[part]


ON_ANSWERS = frozenset(
    {
        "answer in question",
        "answer not in the steps",
        "cut off",
        "judge correct",
        "judge grounded",
        "low score",
        "obeyed the document",
        "pasted passage",
        "round trip",
        "unsupported",
        "wrong answer",
        "wrong number",
    }
)
"""The reasons for which an answer is rejected, and not the question: such a candidate is a bad answer to its prompt."""
