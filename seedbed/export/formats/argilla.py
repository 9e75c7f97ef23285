"""A dataset as Argilla's SDK writes it to disk (argilla 2.8, `Dataset.to_disk`), for people who judge rows there.

Rejected candidates are among the records, so that people see both sides of the gate. What the gate decided is the
suggestion of a record. Its probability and its reason are for managers alone, because whoever sees them repeats them.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from programs.core.kinds import Chat, without_document
from programs.core.row import Candidate
from seedbed.export.example import Example
from seedbed.export.format import Columns, Conversion, Format, Line

RECORDS = "records.json"
ASPECTS = ("question", "answerable", "grounded", "relevant", "other")  # those of verdicts
PEOPLE = 2  # who judge each record, so that their agreement can be measured
_LOADER = '''"""Puts these rows on a server (pip install argilla requests; set ARGILLA_API_URL and ARGILLA_API_KEY)."""

from pathlib import Path

import argilla as rg

client = rg.Argilla()
folder = Path(__file__).resolve().parent
rg.Dataset.from_disk(str(folder), name=folder.name, workspace=client.workspaces.default.name, client=client)
'''


class Fields(Columns):
    """What people read."""

    question: str
    answer: str
    document: str | None


class Suggestion(Columns):
    """What the gate decided, and how probable it is to be right, if that is known."""

    value: str
    score: float | None
    agent: str


class Record(Columns):
    """A record, as `Record.from_dict` reads it."""

    id: str
    fields: Fields
    metadata: dict[str, Any]
    suggestions: dict[str, Suggestion]
    responses: dict[str, Any]
    vectors: dict[str, Any]
    status: str


def _record(example: Example) -> Iterator[Line]:
    talk = [message for message in example.messages if message["role"] != "system"]
    *asked, answer = without_document(talk, example.document) or talk
    probability = example.lineage.get("probability")
    of = {"split": example.split, "gate": example.reason or "accepted"}
    yield {
        "id": example.id,
        "fields": {"question": _talk(asked), "answer": answer["content"], "document": example.document or None},
        "metadata": of if probability is None else of | {"probability": probability},
        "suggestions": {"good": _suggestion(example.good, probability)},
        "responses": {},
        "vectors": {},
        "status": "pending",
    }


def _talk(messages: list[dict[str, Any]]) -> str:
    """What was said before the answer; who said it, where that is more than a question."""
    if len(messages) == 1:
        return str(messages[0]["content"])
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def _suggestion(is_good: bool, probability: float | None) -> dict[str, Any]:
    right = None if probability is None else probability if is_good else 1 - probability
    return {"value": "yes" if is_good else "no", "score": right, "agent": "seedbed"}


def _files(kind: type[Candidate], splits: Collection[str]) -> dict[str, str]:
    settings = _settings()
    shared = {name: settings[name] for name in ("guidelines", "allow_extra_metadata", "distribution")}
    dataset = {"name": "seedbed", "status": "draft", **shared}
    return {
        ".argilla/dataset.json": json.dumps(dataset) + "\n",
        ".argilla/settings.json": json.dumps(settings, indent=1) + "\n",
        "load.py": _LOADER,
    }


def _settings() -> dict[str, Any]:
    text = {"type": "text", "use_markdown": False}
    yes_or_no = {"type": "label_selection", "options": _options("yes", "no")}
    aspects = {"type": "multi_label_selection", "options": _options(*ASPECTS), "options_order": "natural"}
    return {
        "guidelines": "Is the answer right, and does the document say so? If not, say what is wrong.",
        "fields": [_part("question", text), _part("answer", text), _part("document", text, required=False)],
        "questions": [
            _part("good", yes_or_no),
            _part("reason", aspects, required=False),
            _part("better_answer", text, required=False),
        ],
        "metadata": [
            _part("probability", {"type": "float"}, visible_for_annotators=False),
            _part("gate", {"type": "terms"}, visible_for_annotators=False),
            _part("split", {"type": "terms"}, visible_for_annotators=False),
        ],
        "vectors": [],
        "allow_extra_metadata": False,
        "distribution": {"strategy": "overlap", "min_submitted": PEOPLE},
    }


def _part(name: str, settings: dict[str, Any], **more: bool) -> dict[str, Any]:
    required = {} if "visible_for_annotators" in more else {"required": True}
    return {"name": name, "title": name.replace("_", " "), "settings": settings, **required, **more}


def _options(*values: str) -> list[dict[str, str]]:
    return [{"text": value, "value": value} for value in values]


def _joined(folder: Path) -> None:
    """Make one JSON list of the lines of all splits, in the order of the provenance, as Argilla reads it."""
    with (folder / RECORDS).open("wb") as target:
        separator = b"[\n"
        for path in sorted(folder.glob("*.jsonl")):
            if path.stem in ("train", "validation"):
                with path.open("rb") as lines:
                    for line in lines:
                        target.write(separator + line.rstrip(b"\n"))
                        separator = b",\n"
                path.unlink()
        target.write(b"\n]\n")


ARGILLA = Format(
    "argilla",
    "people who judge rows in Argilla: python load.py",
    {Chat: Conversion(Record, _record)},
    _files,
    rejected="all",
    finish=_joined,
)
