"""Axolotl 0.19: conversations, pairs, single judged answers, pairs for reward models and solutions in steps, each with
the YAML that names them."""

from collections.abc import Collection, Iterator
from typing import Any

import yaml

from programs.core.kinds import Chat, Preference, Stepwise
from programs.core.row import Candidate
from seedbed.export.example import Example, Messages
from seedbed.export.format import Columns, Conversion, Files, Format, Line, Message
from seedbed.export.formats.trl import Conversation, judged

CONFIG = "axolotl.yaml"
_HEAD = f"# axolotl train {CONFIG}, in this folder; name your model first, and look at the numbers\n"


class ChatPair(Columns):
    """A conversation up to the user's last message, with a better and a worse answer."""

    messages: list[Message]
    chosen: Message
    rejected: Message


class JudgedText(Columns):
    """A prompt and an answer that is good or not, as texts: the only type of KTO data that is given a template is the
    one that writes ChatML by itself."""

    prompt: str
    completion: str
    label: bool
    system: str | None = None


class RatedText(Columns):
    """A prompt with a better and a worse answer. Without the column `system`, which may be empty, axolotl fails."""

    system: str
    input: str
    chosen: str
    rejected: str


class Steps(Columns):
    """A solution in steps, each right or wrong."""

    prompt: str
    completions: list[str]
    labels: list[bool]


def _pair(example: Example) -> Iterator[Line]:
    sides = {side: example.columns[side][0] for side in ("chosen", "rejected")}
    yield {"messages": example.columns["prompt"], **sides}


def _judged(example: Example) -> Iterator[Line]:
    for prompt, (answer,), is_good in judged(example):
        if asked := _only(prompt):
            system = {"system": _system(prompt)} if _system(prompt) else {}
            yield {"prompt": asked, "completion": answer["content"], "label": is_good, **system}


def _rated(example: Example) -> Iterator[Line]:
    prompt = example.columns["prompt"]
    if asked := _only(prompt):
        sides = {side: example.columns[side][0]["content"] for side in ("chosen", "rejected")}
        yield {"system": _system(prompt), "input": asked, **sides}


def _steps(example: Example) -> Iterator[Line]:
    yield {name: example.columns[name] for name in Steps.model_fields}


def _only(prompt: Messages) -> str | None:
    """The user's message; None where there are several, for which the line has no place."""
    asked = [message["content"] for message in prompt if message["role"] != "system"]
    return asked[0] if len(asked) == 1 else None


def _system(prompt: Messages) -> str:
    return next((message["content"] for message in prompt if message["role"] == "system"), "")


def _config(dataset: dict[str, Any], **settings: Any) -> Files:
    """The file that names the lines. `dataset`: how axolotl reads them. `settings`: other keys."""

    def files(kind: type[Candidate], splits: Collection[str]) -> dict[str, str]:
        paired = {"type": "chat_template.default"} if kind is Preference and dataset["type"] == "chat_template" else {}
        rl = {"rl": "dpo"} if paired else {}
        keys = {"train": "datasets", "validation": "test_datasets"}
        named = {
            keys[split]: [{"path": f"{split}.jsonl", "ds_type": "json", "split": "train", **dataset, **paired}]
            for split in sorted(splits)
        }
        config = {"base_model": "Qwen/Qwen3-0.6B", **rl, **settings, **named, **_NUMBERS}
        return {CONFIG: _HEAD + yaml.safe_dump(config, sort_keys=False)}

    return files


_NUMBERS = {
    "output_dir": "student",
    "sequence_len": 2048,
    "micro_batch_size": 2,
    "gradient_accumulation_steps": 4,
    "num_epochs": 2,
    "optimizer": "adamw_torch",
    "learning_rate": 2e-5,
    "bf16": "auto",
}
AXOLOTL = Format(
    "axolotl",
    "axolotl",
    {
        Chat: Conversion(Conversation, lambda example: [{"messages": example.messages}]),
        Preference: Conversion(ChatPair, _pair),
    },
    _config({"type": "chat_template"}),
)
KTO = Format(
    "axolotl-kto",
    "axolotl's KTO, with the template of ChatML",
    {Chat: Conversion(JudgedText, _judged), Preference: Conversion(JudgedText, _judged)},
    _config({"type": "chatml.prompt_pairs"}, rl="kto", remove_unused_columns=False),
    rejected="answers",
)
REWARD = Format(
    "axolotl-reward",
    "axolotl's reward models",
    {Preference: Conversion(RatedText, _rated)},
    _config(
        {"type": "bradley_terry.chat_template"},
        model_type="AutoModelForSequenceClassification",
        num_labels=1,
        reward_model=True,
        chat_template="tokenizer_default",
        remove_unused_columns=False,
    ),
)
STEPWISE = Format(
    "stepwise",
    "axolotl's process reward models (TRL 1.16 has no trainer of them)",
    {Stepwise: Conversion(Steps, _steps)},
    _config(
        {"type": "stepwise_supervised", "step_separator": "\n"},
        model_type="AutoModelForTokenClassification",
        num_labels=2,
        process_reward_model=True,
        remove_unused_columns=False,
    ),
)
