"""The format for one output field: the system message instructs, the user gives the inputs, the reply is the field."""

import functools
from typing import Any

import dspy

from programs.core.text import on_one_line
from programs.formats.replies import Read
from programs.formats.sections import Section, Sections, is_labelled, label, paragraphs, structured, unfenced


class PlainAdapter(Read, dspy.Adapter):
    """Messages as a person would write them, in the model's own chat template, for a signature with one output field.

    The user's message has a paragraph for each input, and at the end the output field's description: what to reply. A
    demo is such a message with its reply. For a decision the reply's first word counts, so one token is enough.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """The system message, the demos in turns, and the inputs last, so that a server can cache the prefix."""
        name = only_output(signature)
        messages = [{"role": "system", "content": on_one_line(signature.instructions)}]
        for demo in demos:
            messages += [_message("user", _user_text(signature, demo)), _message("assistant", str(demo[name]))]
        return [*messages, _message("user", _user_text(signature, inputs))]

    def sections(self, signature: Any, reply: str) -> Sections:
        """The whole reply is the field, except a reply with the field's label or in the shape of another format."""
        name = only_output(signature)
        sections = structured(reply, (name,))
        if sections is None and is_labelled(reply, name):
            sections = paragraphs(signature, reply)
        return {name: [Section(unfenced(reply), False)]} if sections is None else sections


def is_plain(signature: Any) -> bool:
    """Whether a signature can use this format: it has one output field."""
    return len(signature.output_fields) == 1


def only_output(signature: Any) -> str:
    """The name of the only output field. Raises ValueError where there are several."""
    (name,) = signature.output_fields
    return str(name)


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _user_text(signature: Any, values: Any) -> str:
    lines = [f"{label(name)}: {values[name]}" for name in signature.input_fields if name in values]
    return "\n\n".join([*lines, *_request(signature)])


@functools.lru_cache(maxsize=256)
def _request(signature: Any) -> tuple[str, ...]:
    """The description of the output field, if the signature has one: DSPy puts `${name}` where there is none."""
    description = str(signature.output_fields[only_output(signature)].json_schema_extra["desc"])
    return () if description.startswith("${") else (description,)
