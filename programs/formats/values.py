"""Writes a field's value into a prompt as DSPy does, and reads the values that models write in replies."""

import contextlib
import functools
import json
import re
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from dspy.adapters.utils import format_field_value, parse_value
from pydantic import TypeAdapter

from programs.formats.decisions import decided
from programs.formats.lists import in_lines
from programs.formats.notation import NotJSON, decoded

MENDABLE = 2_000  # braces of a value at most: DSPy's search takes 0.2 s for these, four times that for twice as many
_SCALARS = (int, float, bool)
_FENCED = re.compile(
    r"\A```[^\S\n]*+(?:text|txt|plaintext|markdown|md)?+[^\S\n]*+\n(.*?)```\Z", re.DOTALL | re.IGNORECASE
)
_FENCES = re.compile(r"^[^\S\n]*```", re.MULTILINE)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')  # the whole text, without a quotation within
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?=[\s.,;:!?)]*(?:\s|\Z))")
_SYNTAX = re.compile(r"\[\[\s*##|##\s*\]|##\s*\w+\s*##|\A\s*\]\]|\A\s*\[\s*##|```\s*(?:json|yaml|xml)\b", re.IGNORECASE)


def written(value: Any, field: Any) -> str:
    """The same as `dspy.adapters.utils.format_field_value`, but free for text, which there goes through pydantic
    (25 us)."""
    return value if type(value) is str else str(format_field_value(field, value))


@functools.lru_cache(maxsize=256)
def _check(annotation: Any) -> Callable[[Any], Any] | None:
    """pydantic's validator of a scalar or a list of scalars, made once; None for any other annotation."""
    is_list = get_origin(annotation) is list and get_args(annotation) and get_args(annotation)[0] in (str, *_SCALARS)
    return TypeAdapter(annotation).validate_python if annotation in _SCALARS or is_list else None


def from_text(text: str, annotation: Any, name: str = "") -> Any:
    """The value of a field's text. Raises ValueError where the text has no value, or no certain one.

    A text loses only a fence around it; a decision is what the text decides; a number is its first word. A list is
    JSON, or lines that begin with numbers or bullets; a line without one continues the line above.
    """
    text = text.strip()
    if annotation is str:
        return _text(text, name)
    if not text:
        raise ValueError("an empty field")
    if get_origin(annotation) is Literal:
        return _choice(text, annotation, name)
    check = _check(annotation)
    if check is None:
        return _as_dspy(text, annotation)
    if annotation in _SCALARS:
        return check(_scalar(text, annotation))
    return _listed(_items(text, annotation, name), annotation, check)


def from_json(value: Any, annotation: Any, name: str = "") -> Any:
    """The value of a field from a decoded JSON value. Raises ValueError for a wrong type. In a field of text or of a
    decision, a list with one string counts as that string."""
    if annotation is str or get_origin(annotation) is Literal:
        if any(type(choice) is type(value) and choice == value for choice in get_args(annotation)):
            return value
        if type(value) is list and len(value) == 1:
            (value,) = value
        if type(value) is str:
            return from_text(value, annotation, name)
        if annotation is str:
            raise ValueError("no text")
        return _choice(json.dumps(value), annotation, name)
    if type(value) is str and annotation in _SCALARS:
        return from_text(value, annotation, name)
    check = _check(annotation)
    if check is None:
        return _as_dspy(value, annotation)
    if get_origin(annotation) is list:
        return _listed(_items(value.strip(), annotation, name) if type(value) is str else value, annotation, check)
    if type(value) is bool and annotation in (int, float):
        raise ValueError("no number")
    return check(value)


def _as_dspy(value: Any, annotation: Any) -> Any:
    """A value of a type that no recipe of ours uses, read by DSPy."""
    if str(value).count("{") > MENDABLE:
        raise ValueError("too many braces to look for an object")
    parsed = parse_value(value, annotation)
    return _text(parsed, "") if type(parsed) is str else parsed


def _text(text: str, name: str) -> str:
    fenced = _FENCED.match(text)
    text = fenced[1].strip() if fenced and "```" not in fenced[1] else text
    if _QUOTED.fullmatch(text):
        with contextlib.suppress(ValueError):
            text = json.loads(text).strip()
    if not text:
        raise ValueError("an empty field")
    if text == f"{{{name}}}":
        raise ValueError("the prompt's own placeholder")
    if _SYNTAX.search(text) or _wraps(text, name) or len(_FENCES.findall(text)) % 2:
        raise ValueError("what should stand around the value stands within it")
    return text


def _wraps(text: str, name: str) -> bool:
    """Whether a text contains the field itself, as a key of an object or as a tag."""
    field = re.escape(name)
    return bool(name) and bool(re.search(rf"""</?\s*{field}\s*/?>|["']{field}\\?["']\s*:""", text, re.IGNORECASE))


def _listed(items: Any, annotation: Any, check: Callable[[Any], Any]) -> list[Any]:
    values: list[Any] = check(items)
    if get_args(annotation) != (str,):
        return values
    for item in values:
        with contextlib.suppress(NotJSON):
            if item.strip()[:1] in ("[", "{") and decoded(item.strip()) is not None:
                raise ValueError("a list within a list")
    return [_text(item, "") for item in values if item.strip()]


def _choice(text: str, annotation: Any, name: str) -> Any:
    if text in get_args(annotation):
        return text
    with contextlib.suppress(NotJSON):
        value = decoded(text) if text[:1] in "[{" else text
        while type(value) is list and len(value) == 1:  # [[yes]], too
            (value,) = value
        if type(value) is dict and [str(key).lower() for key in value] == [name.lower()]:
            (value,) = value.values()
        if type(value) not in (str, int, float, bool):
            raise ValueError("no decision")
        text = value if type(value) is str else json.dumps(value)
    return decided(text, get_args(annotation), name)


def _scalar(text: str, annotation: Any) -> Any:
    plain = text.strip("`*\"' ")
    if annotation is bool:
        return decided(plain, ("yes", "no")) == "yes"
    number = _NUMBER.match(plain)
    if not number:
        raise ValueError("no number")
    return json.loads(number[0].lstrip("+"))


def _items(text: str, annotation: Any, name: str) -> list[Any]:
    fence = re.match(r"\A```\w*[^\S\n]*+\n(.*?)```\Z", text, re.DOTALL)
    text = fence[1].strip() if fence else text
    if text.startswith("["):
        items: list[Any] = decoded(text)
        return items
    if get_args(annotation) != (str,) or text.startswith("{") or _wraps(text, name):
        raise ValueError("no list")
    return in_lines(text)
