"""What a program hands over: sources go in, candidates come out."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr


def digest(*parts: object) -> str:
    """A short stable id of the parts: 16 hex digits of SHA-256 over their texts, each with its length."""
    whole = hashlib.sha256()
    for part in parts:
        text = str(part).encode()
        whole.update(f"{len(text)}:".encode() + text)
    return whole.hexdigest()[:16]


class Source(BaseModel):
    """What one call of a program starts from.

    Attributes:
        id: stable over runs. group: what splits keep together (a document, a leaf).
        inputs: the program's keyword arguments. origin: where it comes from, kept with every row.
        shown: the ids of the seeds that stand in its inputs.
        draw: 0 the first time a source is used; later ones are sampled, or they would repeat the first.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    group: str
    inputs: dict[str, Any]
    origin: dict[str, Any] = Field(default_factory=dict)
    shown: list[str] = Field(default_factory=list)
    draw: int = 0


class Drop(BaseModel):
    """Why a candidate is out: the step that said no, the kind of mistake, and a sentence for a person."""

    model_config = ConfigDict(frozen=True)
    step: str
    reason: str
    detail: str = ""


class Candidate(BaseModel):
    """One training example in the making. Fields are filled step by step; a dropped one is filled no further."""

    dropped: Drop | None = None
    _cleared: tuple[Any, ...] | None = PrivateAttr(None)

    @property
    def cleared(self) -> tuple[Any, ...] | None:
        """The state in which a metric found nothing against it; no part of the row."""
        return self._cleared

    @cleared.setter
    def cleared(self, state: tuple[Any, ...] | None) -> None:
        self._cleared = state

    @property
    def document(self) -> str | None:
        """The text the row must rest on, or None where there is none."""
        return None

    @property
    def prompt(self) -> str:
        """What the student will be asked."""
        raise NotImplementedError

    @property
    def topic(self) -> str:
        """What must be new in a row: the prompt, without a text that several rows may share."""
        return self.prompt

    @property
    def response(self) -> str:
        """What the student should say; empty until the teacher has said it."""
        raise NotImplementedError

    def take(self, values: dict[str, Any]) -> None:
        """Write a step's outputs on the fields of the same name."""
        for field in values.keys() & type(self).model_fields.keys():
            setattr(self, field, values[field])

    def columns(self) -> dict[str, Any]:
        """The row's own columns, `messages` as TRL reads them among them."""
        return {
            "messages": [
                {"role": "user", "content": "\n\n".join(filter(None, (self.document, self.prompt)))},
                {"role": "assistant", "content": self.response},
            ],
            **self.model_dump(exclude={"dropped"}),
        }


class Exchange(Candidate):
    """A bare row of any recipe: what was asked and said, and the text it rests on. Labelled cases are such rows."""

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
