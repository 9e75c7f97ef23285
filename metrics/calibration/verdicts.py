"""Labelled cases: a person's verdict on a row, or on two answers. Each is one line of a verdicts file."""

import functools
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from metrics.evidence import ON_ANSWER, ON_QUESTION
from metrics.likelihood import LIKELIHOODS
from programs.core.recipe import recipes
from programs.core.row import Candidate, Exchange, digest
from programs.judges.judge import JUDGES, Judge, judges_of

# measured on every row; a verdicts file may not set them
MEASURED = frozenset({*ON_QUESTION, *ON_ANSWER, *LIKELIHOODS} - {"entailment"})


WHOLE_ROW = "overall"  # the aspect of a verdict on all of a row


@functools.cache
def recipe_judges() -> dict[str, Judge]:
    """All recipes' own judges by aspect. Imports every recipe."""
    makers = {aspect: make for recipe in recipes().values() for aspect, make in judges_of(recipe).items()}
    return {aspect: make() for aspect, make in makers.items() if aspect not in JUDGES}


class Line(BaseModel):
    """The fields that both kinds of line share.

    Attributes:
        group: rows of one group are resampled and split together; by default the document (or the prompt).
        scores: existing readings by name, each in [0, 1]; they replace calls. null is a reading that failed.
        made: who gave the label, a person or a rule. teacher: the alias that wrote the row.
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
        if reserved := sorted(scores.keys() & MEASURED):
            raise ValueError(
                f"{reserved[0]!r} is the name of evidence that is measured here; give the score another name"
            )
        return scores


class LabelledCase(Line):
    """A row with a verdict. `label` is 0, 1 or a grade. `aspect` is what it is about: the name of a judge, or `overall`
    for the whole row."""

    document: str | None = None
    question: str | None = None
    answer: str
    label: float = Field(ge=0, le=1000)
    aspect: str = WHOLE_ROW

    @field_validator("aspect")
    @classmethod
    def _is_of_a_judge(cls, aspect: str) -> str:
        if aspect != WHOLE_ROW and aspect not in JUDGES and aspect not in recipe_judges():
            names = ", ".join(sorted({WHOLE_ROW, *JUDGES, *recipe_judges()}))
            raise ValueError(f"no judge is called {aspect!r}; there are: {names}")
        return aspect

    @property
    def unit(self) -> str:
        """The group that a bootstrap draws whole."""
        return self.group or digest(self.document or self.question or self.answer)

    @property
    def row(self) -> Candidate:
        """The case as a bare row, for scorers and judges."""
        return Exchange(text=self.document or None, asked=self.question or "", said=self.answer)


class Preference(Line):
    """Two answers to one prompt. `label` is the one that a person preferred; a score says how far `a` is better."""

    prompt: str = Field(min_length=1)
    document: str | None = None
    a: str
    b: str
    label: Literal[1, 2]

    @property
    def unit(self) -> str:
        """The group that a bootstrap draws whole."""
        return self.group or digest(self.document or self.prompt)

    @property
    def rows(self) -> tuple[Candidate, Candidate]:
        """The two answers as bare rows."""
        first, second = (
            Exchange(text=self.document or None, asked=self.prompt, said=answer) for answer in (self.a, self.b)
        )
        return first, second


def verdict_line(raw: bytes) -> LabelledCase | Preference:
    """Parse one line of a verdicts file: a preference if it has `a` and `b`, else a case. Raises ValidationError."""
    pair = {b'"a"', b'"b"'} <= set(re.findall(rb'"[ab]"(?=\s*:)', raw))
    return Preference.model_validate_json(raw) if pair else LabelledCase.model_validate_json(raw)


def verdict_id(row: Candidate) -> str:
    """The id of a person's verdict on a row of a run, by which the verdict and the row are matched."""
    return f"row-{digest(row.prompt, row.response)}"


def middle(labels: Sequence[float]) -> float:
    """The middle between the lowest and the highest label (at least one). The labels, 0 and 1 or grades, of good rows
    are above it."""
    return (min(labels) + max(labels)) / 2
