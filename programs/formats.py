"""Message formats: how a signature becomes a prompt and a reply becomes fields. One is chosen per predictor."""

import itertools
import re
from typing import Any, get_origin

import dspy
from dspy.adapters.utils import parse_value
from dspy.utils.exceptions import AdapterParseError

_NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*])(?!\d)\s*")  # "1.5 litres" and "-4" are no numbering


def label(name: str) -> str:
    """A field's name as a prompt shows it: `answer_text` -> `Answer text`."""
    return name.replace("_", " ").capitalize()


class CompactAdapter(dspy.Adapter):
    """The instruction, then `Field: value` lines, ending where the reply begins.

    A reply is one paragraph: it ends at the first blank line. Where the model's endpoint continues plain
    text (`lm.continues`), the engine is told so by `dspy.settings.continuation` and sends the prompt as
    text to be continued rather than as a chat message: small models follow examples far better that way.
    """

    async def acall(self, lm: Any, lm_kwargs: Any, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
        if not getattr(lm, "continues", False):
            return await super().acall(lm, lm_kwargs, signature, demos, inputs)
        with dspy.context(continuation=True):
            return await super().acall(lm, {**lm_kwargs, "stop": ["\n\n"]}, signature, demos, inputs)

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """One user message; examples first and the inputs last, so that a server can keep the prefix."""
        blocks = [" ".join(signature.instructions.split())]
        blocks += [self._block(signature, demo, complete=True) for demo in demos]
        blocks.append(self._block(signature, inputs, complete=False))
        return [{"role": "user", "content": "\n\n".join(blocks)}]

    def _block(self, signature: Any, values: Any, *, complete: bool) -> str:
        lines = [f"{label(name)}: {values[name]}" for name in signature.input_fields if name in values]
        if not complete:
            return "\n".join([*lines, f"{label(next(iter(signature.output_fields)))}:"])
        lines += [f"{label(name)}: {_written(values.get(name))}" for name in signature.output_fields]
        return "\n".join(lines)

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """Read the fields back. Raises AdapterParseError where one is missing or of the wrong kind."""
        reply = completion.strip().split("\n\n")[0]
        sections = _sections(reply, list(signature.output_fields))
        try:
            return {
                name: _read(sections[name], signature.output_fields[name].annotation)
                for name in signature.output_fields
            }
        except (KeyError, ValueError) as error:
            raise AdapterParseError(
                adapter_name="CompactAdapter",
                signature=signature,
                lm_response=completion,
                message=f"Could not read the reply: {error!r}",
            ) from error


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n{number}. {item}" for number, item in enumerate(value, 1))
    return str(value)


def _sections(reply: str, names: list[str]) -> dict[str, str]:
    """Cut a reply at its `Label:` lines. What stands before any label belongs to the first field."""
    pattern = re.compile(rf"^\s*({'|'.join(map(re.escape, map(label, names)))})\s*:", re.IGNORECASE | re.MULTILINE)
    cuts = list(pattern.finditer(reply))
    found = {} if cuts and cuts[0].start() == 0 else {names[0]: reply[: cuts[0].start() if cuts else None].strip()}
    by_label = {label(name).lower(): name for name in names}
    for cut, following in itertools.pairwise([*cuts, None]):
        assert cut
        text = reply[cut.end() : following.start() if following else None].strip()
        found.setdefault(by_label[cut[1].lower()], text)
    return found


def _read(text: str, annotation: Any) -> Any:
    if not text:
        raise ValueError("an empty field")
    if get_origin(annotation) is list:
        return [line for raw in text.splitlines() if (line := _NUMBERED.sub("", raw).strip())]
    if annotation is str:
        return text
    return parse_value(text.split()[0].strip(".,:;!()\"'").lower(), annotation)


FORMATS: dict[str, dspy.Adapter] = {
    "chat": dspy.ChatAdapter(use_json_adapter_fallback=False),  # the fallback is a second, hidden call
    "json": dspy.JSONAdapter(use_native_function_calling=False),
    "compact": CompactAdapter(),
}
