"""One field's value in a prompt or a reply, as DSPy writes and reads it; cheaply where there is no doubt."""

import functools
import json
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from dspy.adapters.utils import format_field_value
from pydantic import TypeAdapter

_SCALARS = (str, int, float, bool)


def written(value: Any, field: Any) -> str:
    """What `dspy.adapters.utils.format_field_value` makes of a value; text costs nothing (there it is a round of
    pydantic, 25 us)."""
    return value if type(value) is str else str(format_field_value(field, value))


@functools.lru_cache(maxsize=256)
def _check(annotation: Any) -> Callable[[Any], Any] | None:
    """pydantic's validator of a scalar, a `Literal` or a list of scalars, made once; None for any other annotation."""
    plain = annotation in _SCALARS or get_origin(annotation) is Literal
    listed = get_origin(annotation) is list and get_args(annotation)[0] in _SCALARS
    return TypeAdapter(annotation).validate_python if plain or listed else None


def from_text(text: str, annotation: Any) -> Any:
    """A field's text as its value, as `dspy.adapters.utils.parse_value` reads it.

    Raises ValueError where that has to be asked: the text is no plain JSON, or the annotation no plain one.
    """
    if annotation is str:
        return text
    check = _check(annotation)
    if check is None:
        raise ValueError("not a plain annotation")
    if get_origin(annotation) is Literal and text in get_args(annotation):
        return text
    return check(json.loads(text))


def from_json(value: Any, annotation: Any) -> Any:
    """A decoded JSON value as a field's value, as `parse_value` takes it. Raises ValueError like `from_text`."""
    if get_origin(annotation) is Literal and value in get_args(annotation):
        return value
    check = _check(annotation)
    if check is None or (annotation is str) is not (type(value) is str):  # text for a number, a number for text
        raise ValueError("not a plain value")
    return value if annotation is str else check(value)
