"""The message format of small models: one message of plain lines, to be continued where the endpoint can."""

import functools
import itertools
import re
from typing import Any, NamedTuple, get_origin

import dspy
from dspy.adapters.utils import parse_value
from dspy.utils.exceptions import AdapterParseError

from programs.replies import Read, is_settled
from programs.values import from_text

_NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*])(?!\d)\s*")  # "1.5 litres" and "-4" are no numbering

LONGEST_WORD = (
    200  # characters of a decision; a longer one is none, and takes the repair of a JSON value long to find out
)


@functools.cache
def label(name: str) -> str:
    """A field's name as a prompt shows it: `answer_text` -> `Answer text`."""
    return name.replace("_", " ").capitalize()


class _Fields(NamedTuple):
    """What of a signature every call needs: made once."""

    inputs: tuple[str, ...]
    outputs: dict[str, Any]  # name -> annotation
    cut: re.Pattern[str]  # a `Label:` at the start of a line
    by_label: dict[str, str]


@functools.lru_cache(maxsize=256)
def _fields(signature: Any) -> _Fields:
    outputs = {name: field.annotation for name, field in signature.output_fields.items()}
    labels = "|".join(re.escape(label(name)) for name in outputs)
    cut = re.compile(rf"^\s*({labels})\s*:", re.IGNORECASE | re.MULTILINE)
    return _Fields(tuple(signature.input_fields), outputs, cut, {label(name).lower(): name for name in outputs})


@functools.lru_cache(maxsize=256)
def on_one_line(text: str) -> str:
    """A text without its line breaks, as an instruction stands in a prompt."""
    return " ".join(text.split())


class CompactAdapter(Read, dspy.Adapter):
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
        fields = _fields(signature)
        blocks = [on_one_line(signature.instructions)]
        blocks += [_block(fields, demo, complete=True) for demo in demos]
        blocks.append(_block(fields, inputs, complete=False))
        return [{"role": "user", "content": "\n\n".join(blocks)}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """Read the fields back. Raises AdapterParseError where one is missing or of the wrong kind."""
        fields = _fields(signature)
        sections = dict(reversed(_sections(_paragraph(completion), fields)))  # a field's first text counts
        try:
            return {name: read(sections[name], annotation) for name, annotation in fields.outputs.items()}
        except (KeyError, ValueError) as error:
            raise AdapterParseError(
                adapter_name="CompactAdapter",
                signature=signature,
                lm_response=completion,
                message=f"Could not read the reply: {error!r}",
            ) from error

    def is_reached(self, signature: Any, reply: str, fields: dict[str, Any]) -> bool:
        """Whether no blank line ends the last field; of a decision, whether its first word may go on."""
        sections = _sections(_paragraph(reply), _fields(signature))
        name, text = sections[-1]
        if "\n\n" in reply.lstrip() or [one for one, _ in sections].count(name) > 1:
            return False
        return may_go_on(text + reply[len(reply.rstrip()) :], fields[name], signature.output_fields[name].annotation)


def _block(fields: _Fields, values: Any, *, complete: bool) -> str:
    lines = [f"{label(name)}: {values[name]}" for name in fields.inputs if name in values]
    if not complete:
        return "\n".join([*lines, f"{label(next(iter(fields.outputs)))}:"])
    lines += [f"{label(name)}: {_written(values.get(name))}" for name in fields.outputs]
    return "\n".join(lines)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n{number}. {item}" for number, item in enumerate(value, 1))
    return str(value)


def _paragraph(reply: str) -> str:
    return reply.strip().split("\n\n", 1)[0]


def _sections(reply: str, fields: _Fields) -> list[tuple[str, str]]:
    """Cut a reply at its `Label:` lines. What stands before any label belongs to the first field."""
    cuts = list(fields.cut.finditer(reply))
    first = next(iter(fields.outputs))
    found = [] if cuts and cuts[0].start() == 0 else [(first, reply[: cuts[0].start() if cuts else None].strip())]
    for cut, following in itertools.pairwise([*cuts, None]):
        assert cut
        text = reply[cut.end() : following.start() if following else None].strip()
        found.append((fields.by_label[cut[1].lower()], text))
    return found


def may_go_on(text: str, value: Any, annotation: Any) -> bool:
    """Whether more text could change what was read of a field: always where it is text, of a decision its one word."""
    if annotation is str or get_origin(annotation) is list:
        return True
    return not (text[-1:].isspace() or len(text.split()) > 1 or is_settled(value, annotation))


def read(text: str, annotation: Any) -> Any:
    """A field's text as its value: a list by its lines, of a decision the first word. Raises ValueError."""
    if not text:
        raise ValueError("an empty field")
    if get_origin(annotation) is list:
        return [line for raw in text.splitlines() if (line := _NUMBERED.sub("", raw).strip())]
    if annotation is str:
        return text
    word = text.split()[0].strip(".,:;!()\"'").lower()
    if len(word) > LONGEST_WORD:
        raise ValueError("no word")
    try:
        return from_text(word, annotation)
    except ValueError:
        return parse_value(word, annotation)
