"""Message formats: how a signature becomes a prompt and a reply becomes fields. One is chosen per predictor.

`Chat` and `JSON` ask as DSPy's own adapters do, to the byte. What they make anew for every call (the system message,
the demos, a pydantic type per value, the reply's schema: 0.2 to 0.6 ms) is made once here. Replies are read by one
reader in every format (`programs.formats.replies`), since DSPy's parsers take what they cannot read for something else.
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import dspy

from programs.formats.compact import CompactAdapter
from programs.formats.plain import PlainAdapter, is_plain
from programs.formats.replies import Read
from programs.formats.values import written

KEPT = 256  # signatures, and demos of one signature, whose text is remembered
_KEYED = (str, int, bool, type(None), type(...))


class _Layout(NamedTuple):
    """What of a signature every prompt repeats."""

    system: str
    requirements: str
    inputs: dict[str, Any]  # name -> field
    outputs: dict[str, Any]  # name -> annotation
    demos: dict[Any, list[dict[str, Any]]]  # what is shown of a demo -> its messages
    schemas: dict[Any, dict[str, Any]]  # what the model's endpoint can do -> the reply's schema, as a call's keywords


@functools.lru_cache(maxsize=KEPT)
def _layout(adapter: "Chat", signature: Any, wording: str) -> _Layout:
    """`wording` is the signature's docstring, the one thing of it that DSPy lets be set."""
    outputs = {name: field.annotation for name, field in signature.output_fields.items()}
    return _Layout(*adapter.fixed_texts(signature), signature.input_fields, outputs, {}, {})


def _content(demo: Any, names: Iterable[str]) -> tuple[Any, ...] | None:
    """What a prompt shows of a demo, to look it up by; None where it is more than texts, lists of them and integers."""
    content: list[tuple[type, Any]] = []
    for name in names:
        value = demo.get(name, ...)
        if type(value) is list and all(type(item) is str for item in value):
            value = (*value,)
        elif type(value) not in _KEYED:
            return None
        content.append((type(value), value))  # True is no 1 here
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
        """The demos' messages, those of incomplete demos first."""
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
    """`dspy.JSONAdapter`, likewise, with the reply's schema (a pydantic model, 0.4 ms) made once per signature."""

    def _prepare_response_format(self, lm: Any, lm_kwargs: dict[str, Any], signature: Any) -> None:
        known = _layout(self, signature, signature.__doc__).schemas
        able = ("response_format" in lm.supported_params, lm.supports_response_schema)
        if able not in known:
            chosen: dict[str, Any] = {}
            super()._prepare_response_format(lm, chosen, signature)
            known[able] = chosen
        lm_kwargs.update(known[able])


FORMATS: dict[str, dspy.Adapter] = {
    "chat": Chat(use_json_adapter_fallback=False),  # the fallback is a second, hidden call
    "json": JSON(use_native_function_calling=False),
    "compact": CompactAdapter(),
    "plain": PlainAdapter(),
}
SEARCHED = ("chat", "json", "compact")
"""The formats that a compile tries for a step of a program."""


def formats_of(lm: Any) -> list[str]:
    """Those of SEARCHED in which a model can be asked; one without a chat template only continues text."""
    return list(SEARCHED) if getattr(lm, "chats", True) else ["compact"]


def formats_to_judge(lm: Any, signature: Any) -> list[str]:
    """The formats in which a verdict can be asked for, the cheapest first."""
    plain = ["plain"] if getattr(lm, "chats", True) and is_plain(signature) else []
    return [*plain, *reversed(formats_of(lm))]
