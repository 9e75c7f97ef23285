"""ShareGPT and Alpaca, the two older layouts, and the trainers that read them: LLaMA-Factory and Unsloth."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from programs.core.kinds import Chat, Preference
from programs.core.row import Candidate
from seedbed.export.example import Example, Messages
from seedbed.export.format import Columns, Conversion, Format, Line
from seedbed.export.formats.trl import conversation

_FROM = {"user": "human", "assistant": "gpt", "system": "system"}
_TAGS = {"role_tag": "from", "content_tag": "value", **{f"{role}_tag": word for role, word in _FROM.items()}}


class Said(Columns):
    """One message."""

    speaker: str = Field(alias="from")
    value: str


class Conversations(Columns):
    """A conversation in ShareGPT's words."""

    conversations: list[Said]


class RankedConversations(Conversations):
    """A conversation up to the user's last message, with a better and a worse answer."""

    chosen: Said
    rejected: Said


class Instruction(Columns):
    """Alpaca's line: what to do, on what, and the answer; the system message where there is one."""

    instruction: str
    input: str
    output: str
    system: str | None = None


def shared(messages: Messages) -> list[dict[str, str]]:
    """Messages in ShareGPT's words."""
    return [{"from": _FROM[message["role"]], "value": message["content"]} for message in messages]


def _ranked(example: Example) -> list[Line]:
    sides = {side: shared(example.columns[side])[0] for side in ("chosen", "rejected")}
    return [{"conversations": shared(example.columns["prompt"]), **sides}]


def _instruction(example: Example) -> list[Line]:
    """A row of one exchange; the passage is the input. Longer conversations do not fit."""
    messages = conversation(example)
    system = [message["content"] for message in messages if message["role"] == "system"]
    asked, *answers = [message["content"] for message in messages if message["role"] != "system"]
    if len(answers) != 1:
        return []
    is_open = bool(example.document) and asked.startswith(example.document)
    line = {
        "instruction": asked.removeprefix(example.document).strip() if is_open else asked,
        "input": example.document if is_open else "",
        "output": answers[0],
    }
    return [line | ({"system": system[0]} if system else {})]


def _dataset_info(kind: type[Candidate]) -> dict[str, str]:
    """LLaMA-Factory's list of datasets. Once it names columns, a column that it does not name is off."""
    columns = {"messages": "conversations"}
    columns |= {"chosen": "chosen", "rejected": "rejected"} if kind is Preference else {}
    entry: dict[str, Any] = {"formatting": "sharegpt", "columns": columns, "tags": _TAGS}
    entry |= {"ranking": True} if kind is Preference else {}
    info = {f"seedbed_{split}": {"file_name": f"{split}.jsonl", **entry} for split in ("train", "validation")}
    return {"dataset_info.json": json.dumps(info, indent=1) + "\n"}


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
_conversation = Conversion(Conversations, lambda example: [{"conversations": shared(conversation(example))}])
_CONVERSATIONS: Mapping[type[Candidate], Conversion] = {Chat: _conversation, Preference: _conversation}
_instructions = Conversion(Instruction, _instruction)

SHAREGPT = Format("sharegpt", "trainers that know ShareGPT's layout; TRL converts it by itself", _CONVERSATIONS)
ALPACA = Format(
    "alpaca",
    "trainers that know Alpaca's layout",
    {Chat: _instructions, Preference: _instructions},
    note="TRL does not read it: use trl-sft there",
)
LLAMAFACTORY = Format(
    "llamafactory",
    "LLaMA-Factory",
    {Chat: _conversation, Preference: Conversion(RankedConversations, _ranked)},
    _dataset_info,
    note="name seedbed_train as the dataset, and this folder as dataset_dir",
)
UNSLOTH = Format("unsloth", "Unsloth", _CONVERSATIONS, lambda kind: {"train.py": _SCRIPT})
