"""What makes a reply that a format could read no answer: characters of it were lost on the way."""

import re
from typing import Any

from dspy.utils.exceptions import AdapterParseError

_LOST = re.compile("[\ud800-\udfff\ufffd]")  # half a surrogate pair, and what stands for bytes that were no character


class Read:
    """A `dspy.Adapter` whose `AdapterParseError` also comes for a reply that is damaged."""

    def _call_postprocess(
        self, processed_signature: Any, original_signature: Any, outputs: Any, lm: Any, lm_kwargs: Any
    ) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = super()._call_postprocess(  # type: ignore[misc]
            processed_signature, original_signature, outputs, lm, lm_kwargs
        )
        for fields, output in zip(values, outputs, strict=True):
            if is_damaged({name: fields[name] for name in original_signature.output_fields}):
                raise AdapterParseError(
                    type(self).__name__, original_signature, text_of(output), "Characters of the reply were lost."
                )
        return values


def text_of(output: Any) -> str:
    """The text of a reply as a `dspy.LM` gives it."""
    return (output.get("text") if isinstance(output, dict) else output) or ""


def is_damaged(value: Any) -> bool:
    """Whether a text in it holds half a surrogate pair, which no file takes, or U+FFFD."""
    if isinstance(value, str):
        return not value.isascii() and bool(_LOST.search(value))
    if isinstance(value, dict):
        return any(is_damaged(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(map(is_damaged, value))
    return hasattr(value, "model_dump") and is_damaged(value.model_dump())
