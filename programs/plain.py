"""The message format of one field: the instruction for the system, the inputs as the user, the field as the reply."""

import functools
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.compact import label, may_go_on, on_one_line, read
from programs.replies import Read


class PlainAdapter(Read, dspy.Adapter):
    """Messages as a person would write them, in the model's own chat template, for a signature with one output field.

    The user's message is the inputs, a paragraph each, and last the output field's description: what to reply. A demo
    is such a message with its reply. Of a decision the reply's first word counts, so that one token is enough.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The system's message, demos in turns, and the inputs last, so that a server can keep the prefix."""
        name = only_output(signature)
        messages = [{"role": "system", "content": on_one_line(signature.instructions)}]
        for demo in demos:
            messages += [_message("user", _asked(signature, demo)), _message("assistant", str(demo[name]))]
        return [*messages, _message("user", _asked(signature, inputs))]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The field. Raises AdapterParseError where the reply is empty or no decision of the field's."""
        name = only_output(signature)
        try:
            return {name: read(completion.strip(), signature.output_fields[name].annotation)}
        except ValueError as error:
            raise AdapterParseError(
                "PlainAdapter", signature, completion, message=f"Could not read the reply: {error!r}"
            ) from error

    def is_reached(self, signature: Any, reply: str, fields: dict[str, Any]) -> bool:
        """Whether it is text, which may go on, or a decision whose first word may."""
        name = only_output(signature)
        return may_go_on(reply, fields[name], signature.output_fields[name].annotation)


def is_plain(signature: Any) -> bool:
    """Whether a signature can be asked so: it has one output field."""
    return len(signature.output_fields) == 1


def only_output(signature: Any) -> str:
    """The name of its one output field. Raises ValueError where there are several."""
    (name,) = signature.output_fields
    return str(name)


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _asked(signature: Any, values: Any) -> str:
    lines = [f"{label(name)}: {values[name]}" for name in signature.input_fields if name in values]
    return "\n\n".join([*lines, *_wanted(signature)])


@functools.lru_cache(maxsize=256)
def _wanted(signature: Any) -> tuple[str, ...]:
    """What to reply, where the signature says it: DSPy gives a field without a description one of its own."""
    description = str(signature.output_fields[only_output(signature)].json_schema_extra["desc"])
    return () if description.startswith("${") else (description,)
