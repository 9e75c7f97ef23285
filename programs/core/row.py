"""The input and output of programs: sources go in, and candidates come out, which become rows of one of six kinds."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from signatures.refusal import DOES_NOT_SAY


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


class Message(BaseModel):
    """One message of a conversation, as TRL and chat templates read it."""

    role: str
    content: str


class Candidate(BaseModel):
    """One training example in the making. A recipe subclasses one of the kinds below, and its steps fill the fields.

    A dropped candidate is not filled any further. Exporters, cards and reports go by the kind alone.

    Its class names the fields that hold its document, prompt and response: `class QA(Chat, document="passage",
    prompt="question", response="answer")`. A part that is made of several fields is a property of the class instead.

    Attributes:
        Base: the columns that a trainer reads, as a pydantic model. A recipe's own fields are columns beside them.
        purpose: what such rows train, in a few words.
    """

    Base: ClassVar[type[BaseModel]] = BaseModel
    purpose: ClassVar[str] = ""
    dropped: Drop | None = None
    _parts: ClassVar[Mapping[str, str]] = {}  # document, prompt and response -> the field that holds it, if one does

    def __init_subclass__(cls, *, document: str = "", prompt: str = "", response: str = "") -> None:
        super().__init_subclass__()
        named = {"document": document, "prompt": prompt, "response": response}
        cls._parts = {**cls._parts, **{part: field for part, field in named.items() if field}}

    @classmethod
    def __pydantic_init_subclass__(cls, **parts: str) -> None:
        """Raises TypeError if a part is to stand in a field that the row does not have."""
        for part, field in cls._parts.items():
            if field not in cls.model_fields:
                raise TypeError(f"{cls.__name__} has no field {field!r} for its {part}")

    @property
    def document(self) -> str | None:
        """The text that must support the row, or None if there is none."""
        return self._part("document")

    @property
    def prompt(self) -> str:
        """The question or instruction for the student."""
        return self._part("prompt") or ""

    @property
    def response(self) -> str:
        """The text that the student should write; empty until the teacher has written it."""
        return self._part("response") or ""

    def _part(self, part: str) -> Any:
        """The value of the field that holds a part; None if none does."""
        field = self._parts.get(part)
        return getattr(self, field) if field else None

    @property
    def written(self) -> str:
        """The text without which there is no row: by default the response."""
        return self.response

    @property
    def request(self) -> str:
        """The prompt as its meaning is read: without a text that several rows may share, and with what it refers to."""
        return self.prompt

    @property
    def novelty_key(self) -> str:
        """The text that must be new: by default the request. Where it is empty, only exact duplicates are refused."""
        return self.request

    @property
    def given(self) -> Sequence[str]:
        """Texts that the row may repeat, such as the prompt from which it was evolved."""
        return ()

    @property
    def writers(self) -> Sequence[str]:
        """The aliases of the models that wrote it; empty for the teacher alone."""
        return ()

    @property
    def refuses(self) -> bool:
        """Whether the response is that the document does not say."""
        return self.document is not None and self.response == DOES_NOT_SAY

    def texts(self) -> list[str]:
        """All texts that a student reads, for repetition, leaks, contamination and exact duplicates."""
        return [self.prompt, self.response]

    def views(self) -> Sequence["Candidate"]:
        """The exchanges that the metric and its judges look at. The score of a row is the least of its views'."""
        return [self]

    def base(self) -> dict[str, Any]:
        """The values of the columns in `Base`."""
        return {}

    def take(self, values: dict[str, Any]) -> None:
        """Copy values to the fields of the same name, and those named `document`, `prompt` or `response` to the fields
        that hold these parts. Values without a field are left out."""
        for name, value in values.items():
            if (field := self._parts.get(name, name)) in type(self).model_fields:
                setattr(self, field, value)

    def columns(self) -> dict[str, Any]:
        """The columns that a trainer reads, and the recipe's own."""
        return {**self.model_dump(exclude={"dropped"}), **self.base()}

    @property
    def row_id(self) -> str:
        """The id of the row that it becomes: a hash of its columns."""
        return digest(self.columns())


C = TypeVar("C", bound=Candidate)


def one_each(blank: C, field: str, texts: Sequence[str], at_most: int, step: str) -> list[C]:
    """A copy of a row for each distinct text that is not empty, with the text in its field. If there is none, the row
    is dropped: the list is never empty, so that a run counts every paid call."""
    distinct = list(dict.fromkeys(filter(None, texts)))[:at_most]
    if not distinct:
        return [blank.model_copy(update={"dropped": Drop(step=step, reason=f"no {field}")})]
    return [blank.model_copy(update={field: text}) for text in distinct]


class Exchange(Candidate, document="text", prompt="asked", response="said"):
    """A minimal view of any row: prompt, response, and the text that supports it. Labelled cases are such views."""

    text: str | None = None
    asked: str = ""
    said: str = ""
