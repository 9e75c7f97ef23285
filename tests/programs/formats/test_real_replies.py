"""What the models of the shelf replied to the shipped prompts is read as a person reads it.

The first 93 of `replies.jsonl` are made by benchmarks/replies.py. The others were drawn at random, by model, signature
and format, from journals of compiles and runs on the demo's documents and on those of benchmarks/languages. A reply
that is JSON as it stands holds its own fields; for every other one `fields` is what a person found in it, null where it
is no reply to what was asked.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from replies import UNENFORCED, read, shares

LINES = [
    json.loads(line) for line in (Path(__file__).parent / "replies.jsonl").read_text(encoding="utf-8").splitlines()
]


def meant(line: dict[str, Any]) -> dict[str, Any] | None:
    """The fields that a person finds."""
    fields: dict[str, Any] | None = line["fields"] if "fields" in line else json.loads(line["reply"])
    return fields


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['model']} {line['signature']} {line['format']}")
def test_a_real_reply_is_read_as_a_person_reads_it(line: dict[str, Any]) -> None:
    fields = read(line)
    assert (fields if isinstance(fields, dict) else None) == meant(line)


def test_every_model_and_format_is_among_them() -> None:
    assert len({line["model"] for line in LINES}) == 3
    assert {line["format"] for line in LINES} == {"chat", "json", UNENFORCED, "compact", "plain"}


def test_the_shares_are_printed_by_model_and_format(capsys: pytest.CaptureFixture[str]) -> None:
    shares(LINES)
    assert capsys.readouterr().out.count("\n") == 2 + len({(line["model"], line["format"]) for line in LINES})
