"""The format without words of ours: the input is the prompt, and the whole reply is the field."""

from typing import Any

import dspy

from programs.core.tools import tools, using
from programs.formats.replies import Read

SYSTEM = "system"
"""The input field that is the system's message."""


class BareAdapter(Read, dspy.Adapter):
    """A signature with one input, or one beside `system`, and one output, which is a text.

    The instruction and the fields' names and descriptions are not shown. A demo is the user's message with its reply.
    A model without a chat template gets all texts as one, in paragraphs, and continues it by one paragraph, unless the
    step sets another `stop`.
    """

    async def acall(self, lm: Any, lm_kwargs: Any, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
        if getattr(lm, "chats", True):
            return await super().acall(lm, lm_kwargs, signature, demos, inputs)
        with using(continues=True):
            return await super().acall(lm, {"stop": ["\n\n"], **lm_kwargs}, signature, demos, inputs)

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The system's message if there is one, the demos in turns, and the input."""
        prompt, output = bare_fields(signature)
        turns = [{"role": SYSTEM, "content": inputs[SYSTEM]}] if inputs.get(SYSTEM) else []
        for demo in demos:
            turns += [{"role": "user", "content": demo[prompt]}, {"role": "assistant", "content": demo[output]}]
        turns.append({"role": "user", "content": inputs[prompt]})
        if not tools().continues:
            return turns
        return [{"role": "user", "content": "".join(f"{turn['content']}\n\n" for turn in turns)}]

    def fields(self, signature: Any, reply: str) -> dict[str, tuple[Any, bool]]:
        """The reply, without the blanks around it. Only one that ended by itself is whole."""
        text = reply.strip()
        if not text:
            raise ValueError("an empty reply")
        return {bare_fields(signature)[1]: (text, False)}


def bare_fields(signature: Any) -> tuple[str, str]:
    """The names of the input that is the prompt and of the output. Raises ValueError for a signature that does not fit
    this format."""
    inputs = [name for name in signature.input_fields if name != SYSTEM]
    outputs = [name for name, field in signature.output_fields.items() if field.annotation is str]
    if len(inputs) != 1 or len(signature.output_fields) != 1 or not outputs:
        raise ValueError(
            f"{signature.__name__} cannot be asked bare: give it one input, with or without `{SYSTEM}` beside it, and "
            "one output, which is a text"
        )
    return inputs[0], outputs[0]
