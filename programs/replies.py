"""What makes a reply that a format could read no answer: it was cut off, or characters of it were lost on the way."""

import re
from typing import Any, Literal, get_args, get_origin

from dspy.utils.exceptions import AdapterParseError

UNREADABLE, CUT_OFF = "unreadable reply", "cut off at max_tokens"  # why a candidate is dropped
_LOST = re.compile("[\ud800-\udfff\ufffd]")  # half a surrogate pair, and what stands for bytes that were no character


class Cut(str):
    """The text of a reply that was not at its end when `max_tokens` were written."""

    __slots__ = ()


class CutOff(AdapterParseError):
    """A reply that the cut made unreadable, or may have left with another value than it was to have."""


class Read:
    """A `dspy.Adapter` whose AdapterParseError also comes for a reply that is damaged, and as CutOff for one that was
    cut off, unless all that is read of it was whole before the cut."""

    def is_reached(self, signature: Any, reply: str, fields: dict[str, Any]) -> bool:
        """Whether more text might have changed what was read of the reply."""
        raise NotImplementedError

    def _call_postprocess(
        self, processed_signature: Any, original_signature: Any, outputs: Any, lm: Any, lm_kwargs: Any
    ) -> list[dict[str, Any]]:
        replies = [output.get("text") if isinstance(output, dict) else output for output in outputs]
        cut = next((reply for reply in replies if isinstance(reply, Cut)), None)
        try:
            values: list[dict[str, Any]] = super()._call_postprocess(  # type: ignore[misc]
                processed_signature, original_signature, outputs, lm, lm_kwargs
            )
        except AdapterParseError as error:
            if cut is None:
                raise
            raise CutOff(type(self).__name__, original_signature, cut, "It was cut off.") from error
        for reply, fields in zip(replies, values, strict=True):
            if isinstance(reply, Cut) and self.is_reached(processed_signature, reply, fields):
                raise CutOff(type(self).__name__, original_signature, reply, "It may have been cut off.")
            if is_damaged([fields[name] for name in original_signature.output_fields]):
                raise AdapterParseError(type(self).__name__, original_signature, reply, "Characters of it were lost.")
        return values


def is_settled(value: Any, annotation: Any) -> bool:
    """Whether no text that begins with this value, as it is written, has another value: one of a closed set, of which
    none goes on where it ends. So a verdict may be asked for with a single token."""
    if get_origin(annotation) is Literal:
        others = (str(other) for other in get_args(annotation) if other != value)
        return not any(other.startswith(str(value)) for other in others)
    return annotation is bool


def is_damaged(value: Any) -> bool:
    """Whether a text in it holds half a surrogate pair, which no file takes, or U+FFFD."""
    if isinstance(value, str):
        return not value.isascii() and bool(_LOST.search(value))
    if isinstance(value, dict):
        return any(is_damaged(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(map(is_damaged, value))
    return hasattr(value, "model_dump") and is_damaged(value.model_dump())
