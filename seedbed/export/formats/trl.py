"""The datasets of TRL 1.16 (its docs, "Dataset formats and types"), each with a training script.

TRL 1.16 has no trainer of process reward models; the format of stepwise rows is axolotl's.
"""

from collections.abc import Iterator, Mapping

from programs.core.kinds import Chat, Labelled, Preference, Prompt, Stepwise, Text
from programs.core.row import Candidate
from seedbed.export.example import Example, Messages
from seedbed.export.format import Columns, Conversion, Files, Format, Line, Message


class PromptCompletion(Columns):
    """A prompt and what is learned of it."""

    prompt: list[Message]
    completion: list[Message]


class Conversation(Columns):
    """A whole conversation, on all of which a student trains by default."""

    messages: list[Message]


class Pair(Columns):
    """A better and a worse answer to one prompt."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]


class Dialogues(Columns):
    """A better and a worse conversation, and by how much it is better, in the units of the run's scores."""

    chosen: list[Message]
    rejected: list[Message]
    margin: float


class Judged(PromptCompletion):
    """An answer that is good or not, without a pair."""

    label: bool


class Asked(Columns):
    """A prompt, with the right answer and the document for a reward; each is empty if there is none."""

    prompt: list[Message]
    answer: str
    document: str


class Plain(Columns):
    """A text."""

    text: str


class Classified(Columns):
    """A text with its label."""

    text: str
    label: str


def turns(messages: Messages) -> Iterator[Line]:
    """A prompt and completion for each answer of a conversation, so that each is learned once."""
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            yield {"prompt": messages[:place], "completion": [message]}


def conversation(example: Example) -> Messages:
    """The conversation of a chat, or a pair's with the chosen answer."""
    if example.kind is Chat:
        return example.messages
    return [*example.columns["prompt"], *example.columns["chosen"]]


def _solution(example: Example) -> Iterator[Line]:
    """A solution all of whose steps are right, as an answer."""
    if all(example.columns["labels"]):
        answer = "\n".join(example.columns["completions"])
        yield {
            "prompt": [{"role": "user", "content": example.columns["prompt"]}],
            "completion": [{"role": "assistant", "content": answer}],
        }


def _pair(example: Example) -> Iterator[Line]:
    yield {name: example.columns[name] for name in Pair.model_fields}


def _dialogues(example: Example) -> Iterator[Line]:
    prompt = example.columns["prompt"]
    sides = {side: [*prompt, *example.columns[side]] for side in ("chosen", "rejected")}
    yield {**sides, "margin": float(example.columns["margin"])}


def judged(example: Example) -> Iterator[tuple[Messages, Messages, bool]]:
    """A prompt, an answer to it, and whether it is good: of a chat its last answer, of a pair both."""
    if example.kind is Chat:
        *prompt, answer = example.messages
        yield prompt, [answer], example.good
        return
    for side in ("chosen", "rejected"):
        yield example.columns["prompt"], example.columns[side], side == "chosen"


def _judged(example: Example) -> Iterator[Line]:
    for prompt, completion, is_good in judged(example):
        yield {"prompt": prompt, "completion": completion, "label": is_good}


def _asked(example: Example) -> Iterator[Line]:
    *prompt, answer = example.messages
    yield {"prompt": prompt, "answer": answer["content"], "document": example.document}


def _prompt(example: Example) -> Iterator[Line]:
    yield {"prompt": example.columns["prompt"], "answer": "", "document": example.document}


def _script(trainer: str, settings: str = "") -> Files:
    """A training script beside the rows."""
    script = f'''"""Trains a student on these rows: python train.py MODEL"""

import sys

import torch
from datasets import load_dataset
from trl import {trainer}Config, {trainer}Trainer

gpu = torch.cuda.is_available()
train = load_dataset("json", data_files="train.jsonl", split="train")
config = {trainer}Config(output_dir="student", bf16=gpu, use_cpu=not gpu{settings})
trainer = {trainer}Trainer(model=sys.argv[1], args=config, train_dataset=train)
trainer.train()
trainer.save_model("student")
'''
    return lambda kind, splits: {"train.py": script}


_whole = Conversion(Conversation, lambda example: [{"messages": conversation(example)}])
WHOLE: Mapping[type[Candidate], Conversion] = {Chat: _whole, Preference: _whole}
"""Whole conversations, which several services take."""

SFT = Format(
    "trl-sft",
    "TRL's SFTTrainer, with the loss on the answer alone",
    {
        Chat: Conversion(PromptCompletion, lambda example: turns(example.messages)),
        Preference: Conversion(PromptCompletion, lambda example: turns(conversation(example))),
        Stepwise: Conversion(PromptCompletion, _solution),
    },
    _script("SFT"),
)
CHAT = Format(
    "trl-chat",
    "TRL's SFTTrainer, with the loss on the whole conversation",
    WHOLE,
    _script("SFT"),
    note="a student that trains on whole conversations learns to write passages too; trl-sft trains on answers alone",
)
DPO = Format("trl-dpo", "TRL's DPOTrainer", {Preference: Conversion(Pair, _pair)}, _script("DPO"))
REWARD = Format("trl-reward", "TRL's RewardTrainer", {Preference: Conversion(Dialogues, _dialogues)}, _script("Reward"))
KTO = Format(
    "trl-kto",
    "TRL's KTOTrainer",
    {Chat: Conversion(Judged, _judged), Preference: Conversion(Judged, _judged)},
    _script("KTO", ", desirable_weight=1.0, undesirable_weight=1.0"),
    rejected="answers",
    note="set the weights so that good and bad answers count alike: TRL's docs advise a ratio between 1:1 and 4:3",
)
PROMPTS = Format(
    "prompts",
    "TRL's GRPOTrainer and other trainers that sample answers themselves",
    {Chat: Conversion(Asked, _asked), Prompt: Conversion(Asked, _prompt)},
)
TEXT = Format(
    "text",
    "TRL's SFTTrainer, as plain language modelling",
    {Text: Conversion(Plain, lambda example: [{"text": example.columns["text"]}])},
    _script("SFT"),
)
CLASSIFIER = Format(
    "classifier",
    "the trainer of any classifier",
    {Labelled: Conversion(Classified, lambda example: [{name: example.columns[name] for name in ("text", "label")}])},
)
