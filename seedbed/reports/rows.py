"""A row of any kind as lines for the terminal, by the columns that its kind has."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any


def row_lines(row: Mapping[str, Any]) -> list[str]:
    """The texts that a student reads, each with its role, its label or its rating before it."""
    return [f"  {name:>9}: {text}" for name, text in _texts(row)]


def _texts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "messages" in row:
        yield from _turns(row["messages"])
    elif "completions" in row:
        yield "problem", row["prompt"]
        yield from ((str(rating), step) for step, rating in itertools.zip_longest(row["completions"], row["ratings"]))
    elif "prompt" in row:
        yield from _turns(row["prompt"])
        for side in ("chosen", "rejected"):
            yield from ((side, text) for _, text in _turns(row.get(side, [])))
    else:
        yield row.get("label", "text"), row["text"]


def _turns(messages: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    return ((message["role"], message["content"]) for message in messages)
