"""LLaMA-Factory 0.9.5: ShareGPT's layout, with the list of datasets that it asks for.

Once that list names columns, a column that it does not name is not read. A conversation that does not alternate is
skipped there without a word; `Example.fault` leaves such rows out and says so.
"""

import json
from collections.abc import Collection

from programs.core.kinds import Chat, Preference
from programs.core.row import Candidate
from seedbed.export.example import Example
from seedbed.export.format import Conversion, Files, Format, Line
from seedbed.export.formats.sharegpt import CONVERSATION, FROM, Conversations, Said, shared
from seedbed.export.formats.trl import judged

_TAGS = {"role_tag": "from", "content_tag": "value", **{f"{role}_tag": word for role, word in FROM.items()}}
_NOTE = "name seedbed_train as the dataset, and this folder as dataset_dir"


class Ranked(Conversations):
    """A conversation up to the user's last message, with a better and a worse answer."""

    chosen: Said
    rejected: Said


class Tagged(Conversations):
    """A conversation whose last answer is good or not. A tag that is a string would be ignored there."""

    kto_tag: bool


def _ranked(example: Example) -> list[Line]:
    sides = {side: shared(example.columns[side])[0] for side in ("chosen", "rejected")}
    return [{"conversations": shared(example.columns["prompt"]), **sides}]


def _tagged(example: Example) -> list[Line]:
    return [
        {"conversations": shared([*prompt, *completion]), "kto_tag": is_good}
        for prompt, completion, is_good in judged(example)
    ]


def _listed(*columns: str) -> Files:
    """The list of datasets, an entry for each split. `columns`: those beside the conversation, of the pairs."""

    def files(kind: type[Candidate], splits: Collection[str]) -> dict[str, str]:
        of_kind = columns if kind is Preference or "kto_tag" in columns else ()
        named = {"messages": "conversations", **{name: name for name in of_kind}}
        ranking = {"ranking": True} if "chosen" in of_kind else {}
        entry = {"formatting": "sharegpt", "columns": named, "tags": _TAGS, **ranking}
        info = {f"seedbed_{split}": {"file_name": f"{split}.jsonl", **entry} for split in sorted(splits)}
        return {"dataset_info.json": json.dumps(info, indent=1) + "\n"}

    return files


LLAMAFACTORY = Format(
    "llamafactory",
    "LLaMA-Factory; pairs for its stages dpo and rm",
    {Chat: CONVERSATION, Preference: Conversion(Ranked, _ranked)},
    _listed("chosen", "rejected"),
    note=_NOTE,
)
KTO = Format(
    "llamafactory-kto",
    "LLaMA-Factory's stage kto",
    {Chat: Conversion(Tagged, _tagged), Preference: Conversion(Tagged, _tagged)},
    _listed("kto_tag"),
    rejected="answers",
    note=_NOTE,
)
