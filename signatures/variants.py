"""The wordings of a signature: its docstring is the first, `also` adds the others the compiler may choose."""

import functools
import re
from collections.abc import Callable
from typing import TypeVar

import dspy

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
S = TypeVar("S", bound=type[dspy.Signature])
_ALTERNATIVES: dict[type[dspy.Signature], tuple[str, ...]] = {}


def also(*alternatives: str) -> Callable[[S], S]:
    """Class decorator: register further wordings of a signature's instruction."""

    def register(signature: S) -> S:
        _ALTERNATIVES[signature] = alternatives
        return signature

    return register


class Line(str):
    """The description of a field that is one line, with which a reply ends where it is the last."""

    __slots__ = ()


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
