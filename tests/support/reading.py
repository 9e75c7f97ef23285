"""Replies in a format, written and read."""

import json
from typing import Any, Literal

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.formats.formats import BARE, FORMATS

SEEKING = [name for name in FORMATS if name != BARE]
"""The formats that look for the fields in a reply."""
YesNo = Literal["yes", "no"]


MADE = {
    "text": dspy.Signature("note -> answer"),
    "reasons": dspy.Signature("note -> answer, verdict: YesNo", custom_types={"YesNo": YesNo}),
    "list": dspy.Signature("note -> points: list[str]"),
    "grade": dspy.Signature("note -> grade: Grade", custom_types={"Grade": Literal[1, 2, 3]}),
    "verdict": dspy.Signature("note -> verdict: YesNo", custom_types={"YesNo": YesNo}),
}


def read(form: str, kind: str, reply: str) -> dict[str, Any] | None:
    """What the format reads; None where it refuses."""
    try:
        fields: dict[str, Any] = FORMATS[form].parse(MADE[kind], reply)
    except AdapterParseError:
        return None
    return fields


def written(form: str, name: str, said: str) -> list[str]:
    """A field with that text, in a format's own shape."""
    shapes = {"chat": "[[ ## {} ## ]]\n{}\n\n[[ ## completed ## ]]", "compact": "{}: {}", "plain": "{1}"}
    shown = [shapes[form].format(name, said) if form != "json" else json.dumps({name: said})]
    shown += [json.dumps({name: [said]})] if form == "json" and name != "points" else []
    return [*shown, *(f"<think>{name}: no, 1</think>{one}" for one in shown)]
