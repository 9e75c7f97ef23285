"""Tells how a reply ended: cut off at `max_tokens`, without a text, or normally."""

from typing import Any

from dspy import lm15

from programs.core.outputs import Ending
from programs.core.tools import tools
from programs.formats.replies import Blank, Cut
from programs.formats.thoughts import thoughts_before

LENGTH = "length"  # lm15's word for a reply that ended at `max_tokens`


def ended(reply: lm15.Response, output: Any) -> Any:
    """DSPy's output for a reply, with its text as a Cut or a Blank if it is one, for the formats. For the program
    `Tools.endings` gets the ending."""
    if (endings := tools().endings) is not None:
        endings.append(Ending(reply.finish_reason, _thinking(reply)))
    text = output.get("text") if isinstance(output, dict) else output
    if not text and (declined := _declined(reply)):
        marked: str = Blank(declined, declines=True)
    elif not text and (why := why_blank(reply)):
        marked = Blank(why)
    elif reply.finish_reason == LENGTH:
        marked = Cut(text or "")
    else:
        return output
    return {**output, "text": marked} if isinstance(output, dict) else marked


def _thinking(reply: lm15.Response) -> str:
    """The model's thoughts, which the server tells from the reply, or else stand in tags before it."""
    told = "".join(part.text for part in reply.message.parts if isinstance(part, lm15.ThinkingPart))
    return told or thoughts_before(reply.message.text or "")


def _declined(reply: lm15.Response) -> str | None:
    """The reason if the model or the provider's filter refused to give a text."""
    words = " ".join(part.text for part in reply.message.parts if isinstance(part, lm15.RefusalPart))
    if words:
        return f"the model declines: {words}"
    return "the provider's filter held the reply back" if reply.finish_reason == "content_filter" else None


def why_blank(reply: lm15.Response) -> str | None:
    """Where the tokens of a reply without a text went, and the remedy; None if the server does not say."""
    tokens = reply.usage.output_tokens
    spent = f"all {tokens} tokens" if tokens else "all tokens"
    if any(isinstance(part, lm15.ThinkingPart) for part in reply.message.parts) or reply.usage.reasoning_tokens:
        if reply.finish_reason == LENGTH:
            return f"no text: {spent} went into reasoning; raise max_tokens, or turn the reasoning off"
        return f"no text: {spent} went into reasoning; turn it off, or let the server tell it from the reply"
    return None if reply.finish_reason == LENGTH else "no text: the model ended its reply at once"
