"""Message formats: how a signature becomes a prompt and a reply becomes fields. One is chosen per predictor.

`Chat` and `JSON` write the same bytes as DSPy's own adapters. DSPy makes the system message, the demos, a pydantic type
per value and the reply's schema again for every call, in 0.2 to 0.6 ms; here they are made once. All formats share one
reader of replies (`programs.formats.replies`), because DSPy's parsers misread what they cannot read.
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import dspy

from programs.formats.bare import BareAdapter
from programs.formats.compact import CompactAdapter
from programs.formats.plain import PlainAdapter, is_plain
from programs.formats.replies import Read
from programs.formats.values import written

KEPT = 256  # signatures whose text is cached, and demos of one signature
_KEYED = (str, int, bool, type(None), type(...))


class _Layout(NamedTuple):
    """The parts of a signature that every prompt repeats."""

    system: str
    requirements: str
    inputs: dict[str, Any]  # name -> field
    outputs: dict[str, Any]  # name -> annotation
    demos: dict[Any, list[dict[str, Any]]]  # content of a demo -> its messages
    schemas: dict[Any, dict[str, Any]]  # abilities of the endpoint -> the reply's schema, as keywords of a call


@functools.lru_cache(maxsize=KEPT)
def _layout(adapter: "Chat", signature: Any, wording: str) -> _Layout:
    """The cached layout. `wording` is the signature's docstring, its only part that DSPy can change in place."""
    outputs = {name: field.annotation for name, field in signature.output_fields.items()}
    return _Layout(*adapter.fixed_texts(signature), signature.input_fields, outputs, {}, {})


def _content(demo: Any, names: Iterable[str]) -> tuple[Any, ...] | None:
    """A demo's values in a prompt, as a cache key; None where they are not all texts, lists of texts or integers."""
    content: list[tuple[type, Any]] = []
    for name in names:
        value = demo.get(name, ...)
        if type(value) is list and all(type(item) is str for item in value):
            value = (*value,)
        elif type(value) not in _KEYED:
            return None
        content.append((type(value), value))  # so that True is not 1
    return (*content,)


class Chat(Read, dspy.ChatAdapter):
    """`dspy.ChatAdapter`, at a tenth of its cost per call."""

    def fixed_texts(self, signature: Any) -> tuple[str, str]:
        """The system message and the reminder of the output fields, as DSPy writes them."""
        return super().format_system_message(signature), self.user_message_output_requirements(signature)

    def format_system_message(self, signature: Any) -> str:
        return _layout(self, signature, signature.__doc__).system

    def format_user_message_content(
        self, signature: Any, inputs: Any, prefix: str = "", suffix: str = "", main_request: bool = False
    ) -> str:
        layout = _layout(self, signature, signature.__doc__)
        parts = [prefix]
        for name, field in layout.inputs.items():
            if name in inputs:
                parts.append(f"[[ ## {name} ## ]]\n{written(inputs[name], field)}")
        if main_request:
            parts.append(layout.requirements)
        return "\n\n".join([*parts, suffix]).strip()

    def format_demos(self, signature: Any, demos: Any) -> list[dict[str, Any]]:
        """The demos' messages; incomplete demos come first."""
        layout = _layout(self, signature, signature.__doc__)
        messages: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for demo in demos:
            complete = all(demo.get(name) is not None for name in (*layout.inputs, *layout.outputs))
            messages[complete] += map(dict, self._of_demo(signature, layout, demo))
        return messages[False] + messages[True]

    def _of_demo(self, signature: Any, layout: _Layout, demo: Any) -> list[dict[str, Any]]:
        key = _content(demo, (*layout.inputs, *layout.outputs))
        if key is None:
            return super().format_demos(signature, [demo])
        if key not in layout.demos:
            if len(layout.demos) >= KEPT:
                layout.demos.clear()
            layout.demos[key] = super().format_demos(signature, [demo])
        return layout.demos[key]


class JSON(Chat, dspy.JSONAdapter):
    """`dspy.JSONAdapter`, as fast; the reply's schema (a pydantic model, 0.4 ms) is made once per signature."""

    def _prepare_response_format(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any) -> None:
        schemas = _layout(self, signature, signature.__doc__).schemas
        abilities = ("response_format" in lm.supported_params, lm.supports_response_schema)
        if abilities not in schemas:
            keywords: dict[str, Any] = {}
            super()._prepare_response_format(lm, keywords, signature)
            schemas[abilities] = keywords
        lm_kwargs.update(schemas[abilities])


FORMATS: dict[str, dspy.Adapter] = {
    "chat": Chat(use_json_adapter_fallback=False),  # the fallback is a second, hidden call
    "json": JSON(use_native_function_calling=False),
    "compact": CompactAdapter(),
    "plain": PlainAdapter(),
    "bare": BareAdapter(),
}
BARE = "bare"
"""The format of a step whose input alone is the prompt. A compile keeps it."""
SEARCHED = ("chat", "json", "compact")
"""The formats that a compile tries for a step of a program."""


def formats_of(lm: Any) -> list[str]:
    """The formats of SEARCHED that a model can use; a model without a chat template only continues text."""
    return list(SEARCHED) if getattr(lm, "chats", True) else ["compact"]


def formats_to_judge(lm: Any, signature: Any) -> list[str]:
    """The formats in which a judge can ask for a verdict, the cheapest first."""
    plain = ["plain"] if getattr(lm, "chats", True) and is_plain(signature) else []
    return [*plain, *reversed(formats_of(lm))]
