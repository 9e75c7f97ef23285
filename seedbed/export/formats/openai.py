"""The files that OpenAI's fine-tuning API defined; Azure, Together and Fireworks take the same."""

from typing import Any

from programs.core.kinds import Preference
from seedbed.export.example import Example
from seedbed.export.format import Columns, Conversion, Format, Line, Message
from seedbed.export.formats.trl import WHOLE

FEWEST = 10  # lines that the API takes


class Input(Columns):
    """What both answers are to."""

    messages: list[Message]
    tools: list[Any]
    parallel_tool_calls: bool


class Preferred(Columns):
    """A better and a worse answer, each one message of the assistant."""

    input: Input
    preferred_output: list[Message]
    non_preferred_output: list[Message]


def _preferred(example: Example) -> list[Line]:
    return [
        {
            "input": {"messages": example.columns["prompt"], "tools": [], "parallel_tool_calls": True},
            "preferred_output": example.columns["chosen"],
            "non_preferred_output": example.columns["rejected"],
        }
    ]


_NOTE = f"the service takes no file of fewer than {FEWEST} lines"
OPENAI = Format("openai", "OpenAI, Azure, Together and Fireworks", WHOLE, note=_NOTE)
OPENAI_DPO = Format(
    "openai-dpo", "OpenAI's preference fine-tuning", {Preference: Conversion(Preferred, _preferred)}, note=_NOTE
)
