"""What signatures say beside DSPy: the wordings that a compile may choose from, and fields that are one line."""

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

import dspy

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LINE = "line"  # the key of a field that is one line, in what DSPy keeps of it
S = TypeVar("S", bound=type[dspy.Signature])
_ALTERNATIVES: dict[type[dspy.Signature], tuple[str, ...]] = {}


def also(*alternatives: str) -> Callable[[S], S]:
    """Class decorator: register further wordings of a signature's instruction."""

    def register(signature: S) -> S:
        _ALTERNATIVES[signature] = alternatives
        return signature

    return register


def line(desc: str) -> Any:
    """An output field that is one line, with which a reply ends where it is the only one. The mark has a key of its own
    beside the description, so that a signature from a file has it: DSPy's state holds the description alone."""
    field = dspy.OutputField(desc=desc)
    field.json_schema_extra[LINE] = True
    return field


def is_line(field: Any) -> bool:
    """Whether an output field was made by `line`."""
    return bool(field.json_schema_extra.get(LINE))


def wordings(signature: type[dspy.Signature]) -> tuple[str, ...]:
    """All wordings of a signature, its own docstring first."""
    return (signature.instructions, *_ALTERNATIVES.get(signature, ()))


@functools.cache
def with_number(signature: type[dspy.Signature], old: int, new: int) -> type[dspy.Signature]:
    """The signature with the number `new` where its instruction, its variants or a description has the word for `old`.

    `old` is 0 to 10. With equal numbers it is the signature itself.
    """
    if new == old:
        return signature

    def changed(text: str) -> str:
        return re.sub(rf"\b{NUMBERS[old]}\b", NUMBERS[new] if new < len(NUMBERS) else str(new), text)

    copy = signature.with_instructions(changed(signature.instructions))
    for name, field in signature.fields.items():
        if (text := field.json_schema_extra["desc"]) != changed(text):
            copy = copy.with_updated_fields(name, desc=changed(text))
    copy.__name__ = copy.__qualname__ = signature.__name__  # by which records name a step
    return also(*map(changed, wordings(signature)[1:]))(copy)
