"""The wordings of a signature: its docstring is the first, `also` adds the others the compiler may choose."""

from collections.abc import Callable
from typing import TypeVar

import dspy

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
