"""Turns a reply into fields, in every format: removes thoughts, finds each field, and reads each value as its type.
A reply that cannot be read for certain is unreadable."""

import re
from typing import Any, Literal, get_args, get_origin

from dspy.utils.exceptions import AdapterParseError
from pydantic_core import PydanticUndefined

from programs.core.row import Drop
from programs.formats.sections import Section, Sections, structured
from programs.formats.thoughts import without_thoughts
from programs.formats.values import from_json, from_text

UNREADABLE, CUT_OFF, EMPTY = "unreadable reply", "cut off at max_tokens", "empty reply"
DECLINED = "refusal"
FAILED = "teacher failed"  # no reply, because the call failed
UNREAD = (UNREADABLE, CUT_OFF, EMPTY)
"""The reasons to drop a candidate whose reply could not be read."""
_LOST = re.compile("[\ud800-\udfff\ufffd]")  # half a surrogate pair, and U+FFFD for bytes that were no character


class Cut(str):
    """The text of a reply that was cut off at `max_tokens`."""

    __slots__ = ()


class Blank(str):
    """A reply without text. `why` says where its tokens went, or how the model `declines`."""

    why: str
    declines: bool

    def __new__(cls, why: str, *, declines: bool = False) -> "Blank":
        blank = super().__new__(cls, "")
        blank.why, blank.declines = why, declines
        return blank


class CutOff(AdapterParseError):
    """A reply that the cut made unreadable, or whose value it may have changed."""


class Empty(AdapterParseError):
    """A reply without text. Its `lm_response` says where its tokens went."""


class Declined(Empty):
    """No reply, because the model, or a filter in front of it, declines."""


def dropped(step: str, error: AdapterParseError) -> Drop:
    """The rejection of a candidate whose reply cannot be read, with the text of the reply."""
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), UNREADABLE)
    return Drop(step=step, reason=reason, detail=error.lm_response or "")


_REASONS = ((Declined, DECLINED), (Empty, EMPTY), (CutOff, CUT_OFF))


class Read:
    """A `dspy.Adapter` that reads replies as models write them.

    Raises AdapterParseError for a reply that is damaged or cannot be read for certain; CutOff for one that was cut off,
    unless all its fields were whole before the cut; Empty for one without text.
    """

    def sections(self, signature: Any, reply: str) -> Sections:
        """Find the output fields in a reply without thoughts. Raises ValueError where it does not mark them."""
        sections = structured(reply, signature.output_fields)
        if sections is None:
            raise ValueError("no field")
        return sections

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The fields of a reply."""
        return {name: value for name, (value, _) in self._read(signature, completion).items()}

    def _read(self, signature: Any, reply: str) -> dict[str, tuple[Any, bool]]:
        """Each field's value, and whether no more text could have changed it."""
        try:
            return self.fields(signature, _plain(without_thoughts(_plain(reply))))
        except (ValueError, RecursionError) as error:
            raise AdapterParseError(
                type(self).__name__, signature, str(reply), f"Could not read the reply: {str(error)[:200]}"
            ) from error

    def fields(self, signature: Any, reply: str) -> dict[str, tuple[Any, bool]]:
        """Each field's value in a reply without thoughts, and whether no more text could have changed it. Raises
        ValueError where it cannot be read."""
        sections = self.sections(signature, reply)
        has_text = any(part.value not in ("", None) for parts in sections.values() for part in parts)
        return {
            name: ("", True)
            if has_text and _is_left_empty(sections.get(name), field)
            else _field(name, sections, field)
            for name, field in signature.output_fields.items()
        }

    def _call_postprocess(
        self, processed_signature: Any, original_signature: Any, outputs: Any, lm: Any, lm_kwargs: Any
    ) -> list[dict[str, Any]]:
        texts = [output.get("text") if isinstance(output, dict) else output for output in outputs]
        for text in texts:
            self._check(processed_signature, text)
        values: list[dict[str, Any]] = super()._call_postprocess(  # type: ignore[misc]
            processed_signature, original_signature, outputs, lm, lm_kwargs
        )
        for reply, fields in zip(texts, values, strict=True):
            if is_damaged([fields[name] for name in original_signature.output_fields]):
                raise AdapterParseError(type(self).__name__, original_signature, reply, "Characters of it were lost.")
        return values

    def _check(self, signature: Any, reply: Any) -> None:
        """Raises Empty or CutOff."""
        if not reply and not isinstance(reply, Cut):
            kind = Declined if isinstance(reply, Blank) and reply.declines else Empty
            why = reply.why if isinstance(reply, Blank) else ""
            raise kind(type(self).__name__, signature, why, "The reply is empty.")
        if not isinstance(reply, Cut):
            return
        try:
            whole = all(whole for _, whole in self._read(signature, reply).values())
        except AdapterParseError as error:
            raise CutOff(type(self).__name__, signature, reply, "It was cut off.") from error
        if not whole:
            raise CutOff(type(self).__name__, signature, reply, "It may have been cut off.")


def _plain(reply: str) -> str:
    """Write line breaks as \\n, and remove invisible marks before the reply."""
    return str(reply).replace("\r\n", "\n").lstrip("\ufeff\u200b\u2060")


def _is_left_empty(sections: list[Section] | None, field: Any) -> bool:
    """Whether a reply leaves a text field empty, such as an input that a task does not need."""
    return bool(sections) and field.annotation is str and all(section.value == "" for section in sections or ())


def _field(name: str, sections: Sections, field: Any) -> tuple[Any, bool]:
    """A field's value, and whether it is whole. It is the first text, or what all decisions agree on.

    Raises ValueError where there is no such value.
    """
    filled = [section for section in sections.get(name, ()) if section.is_json or section.value]
    if not filled:
        if field.default is PydanticUndefined and field.default_factory is None:
            raise ValueError(f"no {name}")
        return field.get_default(call_default_factory=True), True
    first, annotation = filled[0], field.annotation
    if first.is_json:
        return from_json(first.value, annotation, name), True
    text = first.value
    if get_origin(annotation) is Literal:  # the first text counts, but decisions must agree
        text = "\n".join([text, *(f"{name}: {section.value.strip()}" for section in filled[1:])])
    value = from_text(text, annotation, name)
    return value, first.ended or _is_whole(text, value, annotation)


def _is_whole(text: str, value: Any, annotation: Any) -> bool:
    """Whether more text could not change a field's value. A text or list is never whole; a decision or number is if
    another word follows it, or if it begins no other choice. So a judge can ask for a verdict of a single token: only
    the reason would follow."""
    if annotation is str or get_origin(annotation) is list:
        return False
    if get_origin(annotation) is Literal or annotation is bool:
        is_final = is_settled(value, annotation) and text.strip().lower().startswith(str(value).lower())
        return is_final or len(text.split()) > 1 or text[-1:].isspace()
    return len(text.split()) > 1 or text[-1:].isspace()


def is_settled(value: Any, annotation: Any) -> bool:
    """Whether every text that begins with this value has this value: it is of a closed set, and begins no other value
    of the set."""
    if get_origin(annotation) is Literal:
        return not any(str(choice).startswith(str(value)) for choice in get_args(annotation) if choice != value)
    return annotation is bool


def is_damaged(value: Any) -> bool:
    """Whether a text in the value has half a surrogate pair, which cannot be written to a file, or U+FFFD."""
    if isinstance(value, str):
        return not value.isascii() and bool(_LOST.search(value))
    if isinstance(value, dict):
        return any(is_damaged(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(map(is_damaged, value))
    return hasattr(value, "model_dump") and is_damaged(value.model_dump())
