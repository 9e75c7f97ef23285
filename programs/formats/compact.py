"""The message format for small models: one message of plain lines, which the endpoint continues if it can."""

from typing import Any

import dspy

from programs.core.text import on_one_line
from programs.core.tools import using
from programs.formats.replies import Read
from programs.formats.sections import Sections, label, paragraphs, structured
from signatures.variants import is_line

ENDS = 4  # texts that may end a reply: the most that OpenAI's API takes


class CompactAdapter(Read, dspy.Adapter):
    """The instruction, then `Field: value` lines, up to the beginning of the reply.

    A reply is one paragraph, or one line if it has one field, a `line`; such a line ends before the label of an
    input too, with which small models like to go on. It is stopped there, so a small model cannot add more, such as
    the list of possible answers. If the model's endpoint continues plain text
    (`lm.continues`), `Tools.continues` makes the engine send the prompt as text to continue instead of a chat message:
    small models follow examples far better that way.
    """

    async def acall(self, lm: Any, lm_kwargs: Any, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
        if not getattr(lm, "continues", False):
            return await super().acall(lm, lm_kwargs, signature, demos, inputs)
        with using(continues=True):
            return await super().acall(lm, {**lm_kwargs, "stop": _ends(signature)}, signature, demos, inputs)

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """One user message; examples first and the inputs last, so that a server can cache the prefix."""
        blocks = [on_one_line(signature.instructions)]
        blocks += [_block(signature, demo, complete=True) for demo in demos]
        blocks.append(_block(signature, inputs, complete=False))
        return [{"role": "user", "content": "\n\n".join(blocks)}]

    def sections(self, signature: Any, reply: str) -> Sections:
        """The fields' paragraphs; a reply in another format is read by that format."""
        sections = structured(reply, signature.output_fields)
        return paragraphs(signature, reply) if sections is None else sections


def _ends(signature: Any) -> list[str]:
    """The texts that end a reply, at most ENDS."""
    fields = [*signature.output_fields.values()]
    if len(fields) > 1 or not is_line(fields[0]):
        return ["\n\n"]
    return ["\n", *(f" {label(name)}:" for name in [*signature.input_fields][1 - ENDS :])]


def _block(signature: Any, values: Any, *, complete: bool) -> str:
    outputs = signature.output_fields
    lines = [f"{label(name)}: {values[name]}" for name in signature.input_fields if name in values]
    if not complete:
        return "\n".join([*lines, f"{label(next(iter(outputs)))}:"])
    lines += [f"{label(name)}: {_text(values.get(name))}" for name in outputs]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n{number}. {item}" for number, item in enumerate(value, 1))
    return str(value)
