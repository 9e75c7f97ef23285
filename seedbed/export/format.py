"""What a format of `seedbed export` is."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from programs.core.row import Candidate
from seedbed.export.example import Example

Line = dict[str, Any]
Files = Callable[[type[Candidate], Collection[str]], Mapping[str, str]]
"""The kind of rows, and the splits with a line -> files beside them, by name, such as a training script."""
Rejected = Literal["none", "answers", "all"]
"""Which rejected candidates are lines too: those whose answer is at fault and not the question, or all whole ones."""


class Columns(BaseModel):
    """The columns of one line: these and no others, since trainers tell a dataset by its columns."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Message(Columns):
    """One message of a conversation."""

    role: str
    content: str


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How rows of one kind become lines: the columns of a line, and the lines of a row (none if it does not fit)."""

    columns: type[Columns]
    lines: Callable[[Example], Iterable[Line]]


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as --to takes it. reader: what loads it, for people. kinds: the kinds of rows that it takes.
        files: written beside the rows. rejected: which rejected candidates are lines too. note: what a person should
        know before training. finish: what is done with the written folder at the end.
    """

    name: str
    reader: str
    kinds: Mapping[type[Candidate], Conversion]
    files: Files = lambda kind, splits: {}
    rejected: Rejected = "none"
    note: str = ""
    finish: Callable[[Path], None] = lambda folder: None
