"""Axolotl: conversations, pairs and single judged answers, with the YAML that names them."""

from programs.core.kinds import Chat, Preference
from programs.core.row import Candidate
from seedbed.export.example import Example
from seedbed.export.format import Columns, Conversion, Format, Line, Message
from seedbed.export.formats.trl import Conversation


class ChatPair(Columns):
    """A conversation up to the user's last message, with a better and a worse answer."""

    messages: list[Message]
    chosen: Message
    rejected: Message


def _pair(example: Example) -> list[Line]:
    sides = {side: example.columns[side][0] for side in ("chosen", "rejected")}
    return [{"messages": example.columns["prompt"], **sides}]


def _yaml(kind: type[Candidate]) -> dict[str, str]:
    is_pair = kind is Preference
    lines = ["base_model: MODEL", *(["rl: dpo"] if is_pair else []), "datasets:"]
    loader = "chat_template.default" if is_pair else "chat_template"
    lines += [f"  - {{path: train.jsonl, ds_type: json, type: {loader}}}", "output_dir: student", ""]
    return {"axolotl.yaml": "\n".join(lines)}


AXOLOTL = Format(
    "axolotl",
    "axolotl",
    {
        Chat: Conversion(Conversation, lambda example: [{"messages": example.messages}]),
        Preference: Conversion(ChatPair, _pair),
    },
    _yaml,
)
