"""One field's value in a prompt or a reply: as DSPy writes it, and as models write it back."""

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

MENDABLE = 2_000  # braces of a value to repair: DSPy's search takes 0.2 s there, four times that for twice as many
_SCALARS = (int, float, bool)
_FENCED = re.compile(
    r"\A```[^\S\n]*+(?:text|txt|plaintext|markdown|md)?+[^\S\n]*+\n(.*?)```\Z", re.DOTALL | re.IGNORECASE
)
_FENCES = re.compile(r"^[^\S\n]*```", re.MULTILINE)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')  # all of it, and no quotation within
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?=[\s.,;:!?)]*(?:\s|\Z))")
_SYNTAX = re.compile(r"\[\[\s*##|##\s*\]|##\s*\w+\s*##|\A\s*\]\]|\A\s*\[\s*##|```\s*(?:json|yaml|xml)\b", re.IGNORECASE)


def written(value: Any, field: Any) -> str:
    """What `dspy.adapters.utils.format_field_value` makes of a value; text costs nothing (there it is a round of
    pydantic, 25 us)."""
    return value if type(value) is str else str(format_field_value(field, value))


@functools.lru_cache(maxsize=256)
def _check(annotation: Any) -> Callable[[Any], Any] | None:
    """pydantic's validator of a scalar or a list of scalars, made once; None for any other annotation."""
    listed = get_origin(annotation) is list and get_args(annotation) and get_args(annotation)[0] in (str, *_SCALARS)
    return TypeAdapter(annotation).validate_python if annotation in _SCALARS or listed else None


def from_text(text: str, annotation: Any, name: str = "") -> Any:
    """A field's text as its value. Raises ValueError where it is none, or none for certain.

    Of text all counts but a fence around it; of a decision what is decided, and of a number the first word. A list is
    JSON, or lines with numbers or bullets before them, of which a line without one goes on with the line above.
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
    """A decoded JSON value as a field's value. Raises ValueError for one of a wrong kind; one string in a list is that
    string, where text or a decision is asked for."""
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
    """A value of a kind that no recipe of ours asks for."""
    if str(value).count("{") > MENDABLE:
        raise ValueError("too many braces to look for an object")
    read = parse_value(value, annotation)
    return _text(read, "") if type(read) is str else read


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
    """Whether a text has this very field within it, as a key of an object or as a tag."""
    field = re.escape(name)
    return bool(name) and bool(re.search(rf"""</?\s*{field}\s*/?>|["']{field}\\?["']\s*:""", text, re.IGNORECASE))


def _listed(items: Any, annotation: Any, check: Callable[[Any], Any]) -> list[Any]:
    read: list[Any] = check(items)
    if get_args(annotation) != (str,):
        return read
    for item in read:
        with contextlib.suppress(NotJSON):
            if item.strip()[:1] in ("[", "{") and decoded(item.strip()) is not None:
                raise ValueError("a list within a list")
    return [_text(item, "") for item in read if item.strip()]


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
