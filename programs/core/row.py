"""The input and output of programs: sources go in, candidates come out."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def digest(*parts: object) -> str:
    """A short stable id of the parts: 16 hex digits of SHA-256 over their texts, each with its length."""
    whole = hashlib.sha256()
    for part in parts:
        text = str(part).encode()
        whole.update(f"{len(text)}:".encode() + text)
    return whole.hexdigest()[:16]


class Source(BaseModel):
    """The input of one call of a program.

    Attributes:
        id: stable over runs. group: the unit that splits do not divide (a document, a leaf).
        inputs: the program's keyword arguments. origin: where it comes from, stored with every row.
        shown: the ids of the seeds in its inputs.
        draw: 0 at the first use of a source; later draws are sampled, or they would repeat the first.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    group: str
    inputs: dict[str, Any]
    origin: dict[str, Any] = Field(default_factory=dict)
    shown: list[str] = Field(default_factory=list)
    draw: int = 0


class Drop(BaseModel):
    """Why a candidate is rejected: the step that rejected it, the kind of mistake, and a sentence for people."""

    model_config = ConfigDict(frozen=True)
    step: str
    reason: str
    detail: str = ""


class Candidate(BaseModel):
    """One training example. Its fields are filled step by step; a dropped one is not filled any further."""

    dropped: Drop | None = None

    @property
    def document(self) -> str | None:
        """The text that must support the row, or None if there is none."""
        return None

    @property
    def prompt(self) -> str:
        """The question or instruction for the student."""
        raise NotImplementedError

    @property
    def topic(self) -> str:
        """The part of a row that must be new: the prompt, without a text that several rows may share."""
        return self.prompt

    @property
    def response(self) -> str:
        """The answer that the student should give; empty until the teacher has written it."""
        raise NotImplementedError

    def take(self, values: dict[str, Any]) -> None:
        """Copy a step's outputs to the fields of the same name."""
        for field in values.keys() & type(self).model_fields.keys():
            setattr(self, field, values[field])

    def columns(self) -> dict[str, Any]:
        """The row's own columns, including `messages` in the form of TRL."""
        return {
            "messages": [
                {"role": "user", "content": "\n\n".join(filter(None, (self.document, self.prompt)))},
                {"role": "assistant", "content": self.response},
            ],
            **self.model_dump(exclude={"dropped"}),
        }


class Exchange(Candidate):
    """A minimal row of any recipe: question, answer, and the text that supports it. Labelled cases are such rows."""

    text: str | None = None
    asked: str = ""
    said: str = ""

    @property
    def document(self) -> str | None:
        return self.text

    @property
    def prompt(self) -> str:
        return self.asked

    @property
    def response(self) -> str:
        return self.said
