"""The message format of one field: the instruction for the system, the inputs as the user, the field as the reply."""

import functools
from typing import Any

import dspy

from programs.formats.compact import on_one_line
from programs.formats.replies import Read
from programs.formats.sections import Section, Sections, is_labelled, label, paragraphs, structured, unfenced


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

    def sections(self, signature: Any, reply: str) -> Sections:
        """The whole reply; one that has the field's label, or the shape of another format, is read as what it is."""
        name = only_output(signature)
        sections = structured(reply, (name,))
        if sections is None and is_labelled(reply, name):
            sections = paragraphs(signature, reply)
        return {name: [Section(unfenced(reply), False)]} if sections is None else sections


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
