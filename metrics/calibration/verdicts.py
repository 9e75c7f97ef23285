"""Labelled cases: what a person said of a row, or of two answers; one line each of a verdicts file."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from metrics.evidence import ON_ANSWER, ON_QUESTION
from metrics.likelihood import LIKELIHOODS
from programs.core.candidate import Candidate, Exchange, digest

# measured on every row, never taken from elsewhere
OURS = frozenset({*ON_QUESTION, *ON_ANSWER, *LIKELIHOODS} - {"entailment"})
Aspect = Literal["grounded", "answerable", "question", "relevant", "overall"]


class Line(BaseModel):
    """What both kinds of line share.

    Attributes:
        group: what is resampled and split together; the document (or the prompt) itself where it is not given.
        scores: readings already taken, each in [0, 1], by name; used in place of a call. A null is a reading
        that could not be taken. made: who gave the label, a person or a rule. teacher: the alias that wrote the row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = ""
    group: str = ""
    reason: str = ""
    scores: dict[str, Annotated[float, Field(ge=0, le=1)] | None] = Field(default_factory=dict)
    made: Literal["person", "rule"] = "person"
    teacher: str = ""

    @field_validator("scores")
    @classmethod
    def _are_no_evidence_of_ours(cls, scores: dict[str, float | None]) -> dict[str, float | None]:
        if taken := sorted(scores.keys() & OURS):
            raise ValueError(f"{taken[0]!r} is the name of evidence that is measured here; give the score another name")
        return scores


class LabelledCase(Line):
    """A row with a verdict. `label` is 0, 1 or a grade; `aspect` is what it speaks of, `overall` of the whole row."""

    document: str | None = None
    question: str | None = None
    answer: str
    label: float = Field(ge=0, le=1000)
    aspect: Aspect = "overall"

    @property
    def unit(self) -> str:
        """What a bootstrap draws as one."""
        return self.group or digest(self.document or self.question or self.answer)

    @property
    def row(self) -> Candidate:
        """The case as a bare row, for scorers and judges."""
        return Exchange(text=self.document or None, asked=self.question or "", said=self.answer)


class Preference(Line):
    """Two answers to one prompt; `label` says which a person preferred. A score is a reading that `a` is better."""

    prompt: str = Field(min_length=1)
    document: str | None = None
    a: str
    b: str
    label: Literal[1, 2]

    @property
    def unit(self) -> str:
        """What a bootstrap draws as one."""
        return self.group or digest(self.document or self.prompt)

    @property
    def rows(self) -> tuple[Candidate, Candidate]:
        """The two answers as bare rows."""
        first, second = (
            Exchange(text=self.document or None, asked=self.prompt, said=said) for said in (self.a, self.b)
        )
        return first, second


def verdict_line(raw: bytes) -> LabelledCase | Preference:
    """One line of a verdicts file: with `a` and `b` a preference, else a case. Raises pydantic's ValidationError."""
    pair = {b'"a"', b'"b"'} <= set(re.findall(rb'"[ab]"(?=\s*:)', raw))
    return Preference.model_validate_json(raw) if pair else LabelledCase.model_validate_json(raw)


def middle(labels: Sequence[float]) -> float:
    """The middle between the lowest and the highest label given: a good row's lies above it, be they 0 and 1 or grades.
    At least one label."""
    return (min(labels) + max(labels)) / 2
