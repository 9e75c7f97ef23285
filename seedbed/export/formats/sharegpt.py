"""ShareGPT and Alpaca, the two older layouts, and Unsloth, which reads the first."""

from collections.abc import Mapping

from pydantic import Field

from programs.core.kinds import Chat, Preference
from programs.core.row import Candidate
from seedbed.export.example import Example, Messages
from seedbed.export.format import Columns, Conversion, Format, Line
from seedbed.export.formats.trl import conversation

FROM = {"user": "human", "assistant": "gpt", "system": "system"}


class Said(Columns):
    """One message."""

    speaker: str = Field(alias="from")
    value: str


class Conversations(Columns):
    """A conversation in ShareGPT's words."""

    conversations: list[Said]


class Instruction(Columns):
    """Alpaca's line: what to do, on what, and the answer; the system message where there is one."""

    instruction: str
    input: str
    output: str
    system: str | None = None


def shared(messages: Messages) -> list[dict[str, str]]:
    """Messages in ShareGPT's words."""
    return [{"from": FROM[message["role"]], "value": message["content"]} for message in messages]


def _instruction(example: Example) -> list[Line]:
    """A row of one exchange; the passage is the input, or what the recipe calls so. Longer conversations do not fit."""
    messages = conversation(example)
    system = [message["content"] for message in messages if message["role"] == "system"]
    asked, *answers = [message["content"] for message in messages if message["role"] != "system"]
    if len(answers) != 1:
        return []
    instruction, input = asked, ""
    if example.document and asked.startswith(example.document):
        instruction, input = asked.removeprefix(example.document).strip(), example.document
    elif example.input and asked.endswith(example.input):
        instruction, input = asked.removesuffix(example.input).strip(), example.input
    line = {"instruction": instruction, "input": input, "output": answers[0]}
    return [line | ({"system": system[0]} if system else {})]


_SCRIPT = '''"""Trains a student on these rows: python train.py MODEL (needs a GPU, and pip install unsloth)"""

import sys

from unsloth import FastLanguageModel
from unsloth.chat_templates import get_chat_template, standardize_sharegpt
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

model, tokenizer = FastLanguageModel.from_pretrained(sys.argv[1], max_seq_length=2048, load_in_4bit=True)
model, tokenizer = FastLanguageModel.get_peft_model(model, r=16), get_chat_template(tokenizer)
rows = standardize_sharegpt(load_dataset("json", data_files="train.jsonl", split="train"))
train = rows.map(lambda row: {"text": tokenizer.apply_chat_template(row["conversations"], tokenize=False)})
SFTTrainer(model=model, processing_class=tokenizer, args=SFTConfig(output_dir="student"), train_dataset=train).train()
'''
CONVERSATION = Conversion(Conversations, lambda example: [{"conversations": shared(conversation(example))}])
_CONVERSATIONS: Mapping[type[Candidate], Conversion] = {Chat: CONVERSATION, Preference: CONVERSATION}
_instructions = Conversion(Instruction, _instruction)

SHAREGPT = Format("sharegpt", "trainers that know ShareGPT's layout; TRL converts it by itself", _CONVERSATIONS)
ALPACA = Format(
    "alpaca",
    "trainers that know Alpaca's layout",
    {Chat: _instructions, Preference: _instructions},
    note="TRL does not read it: use trl-sft there",
)
UNSLOTH = Format("unsloth", "Unsloth", _CONVERSATIONS, lambda kind, splits: {"train.py": _SCRIPT})
