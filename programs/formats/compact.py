"""The message format of small models: one message of plain lines, to be continued where the endpoint can."""

import functools
from typing import Any

import dspy

from programs.core.tools import using
from programs.formats.replies import Read
from programs.formats.sections import Sections, label, paragraphs, structured
from signatures.variants import Line


@functools.lru_cache(maxsize=256)
def on_one_line(text: str) -> str:
    """A text without its line breaks, as an instruction stands in a prompt."""
    return " ".join(text.split())


class CompactAdapter(Read, dspy.Adapter):
    """The instruction, then `Field: value` lines, ending where the reply begins.

    A reply is one paragraph, or one line where it is one field that is a line: there it ends, and what a small model
    would add to it, such as the answers to choose from, is not written. Where the model's endpoint continues plain
    text (`lm.continues`), the engine is told so by `Tools.continues` and sends the prompt as
    text to be continued rather than as a chat message: small models follow examples far better that way.
    """

    async def acall(self, lm: Any, lm_kwargs: Any, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
        if not getattr(lm, "continues", False):
            return await super().acall(lm, lm_kwargs, signature, demos, inputs)
        with using(continues=True):
            return await super().acall(lm, {**lm_kwargs, "stop": [_end(signature)]}, signature, demos, inputs)

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """One user message; examples first and the inputs last, so that a server can keep the prefix."""
        blocks = [on_one_line(signature.instructions)]
        blocks += [_block(signature, demo, complete=True) for demo in demos]
        blocks.append(_block(signature, inputs, complete=False))
        return [{"role": "user", "content": "\n\n".join(blocks)}]

    def sections(self, signature: Any, reply: str) -> Sections:
        """The fields' paragraphs; a reply in the shape of another format is read as what it is."""
        sections = structured(reply, signature.output_fields)
        return paragraphs(signature, reply) if sections is None else sections


def _end(signature: Any) -> str:
    """What ends a reply."""
    fields = [*signature.output_fields.values()]
    return "\n" if len(fields) == 1 and isinstance(fields[0].json_schema_extra["desc"], Line) else "\n\n"


def _block(signature: Any, values: Any, *, complete: bool) -> str:
    outputs = signature.output_fields
    lines = [f"{label(name)}: {values[name]}" for name in signature.input_fields if name in values]
    if not complete:
        return "\n".join([*lines, f"{label(next(iter(outputs)))}:"])
    lines += [f"{label(name)}: {_written(values.get(name))}" for name in outputs]
    return "\n".join(lines)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n{number}. {item}" for number, item in enumerate(value, 1))
    return str(value)
