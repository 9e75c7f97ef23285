"""Rows with their verdicts, and the same rows as columns."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from metrics.calibration.folds import Folds
from metrics.calibration.intervals import Flags, Floats
from metrics.calibration.verdicts import middle


@dataclasses.dataclass(frozen=True)
class Observation:
    """A row with its verdict.

    `parts`: evidence and judges' readings, the higher the better; None where a reading is missing. `label`: 0 or 1, or
    a grade. `group`: the row's document. `length`, `overlap`: the scores of the two trivial rules, the higher the
    better. `kind`: who gave the verdict. `own`: the judging model itself wrote the row. `rule`: the rule that made the
    row bad. `embedder`: the one that gave the evidence, '' where unknown. `aspect`: what the verdict is about.
    `id`: the verdict's id.
    """

    parts: dict[str, float | None]
    label: float
    group: str
    length: float
    overlap: float
    kind: Literal["person", "rule"] = "person"
    own: bool = False
    aspect: str = "overall"
    id: str = ""
    rule: str = ""
    embedder: str = ""


class Alike(ValueError):
    """All verdicts are of one kind, so nothing can be learned from them. The message is for a person."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Observations as columns, one entry per row. `good`: the label is above the middle between the lowest and the
    highest label."""

    parts: list[dict[str, float | None]]
    groups: list[str]
    labels: Floats
    good: Flags
    person: Flags
    own: Flags
    aspects: list[str]
    ids: list[str]
    kinds: list[str]
    embedder: str
    rules: dict[str, Floats]

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> "Columns":
        """Raises Alike unless the verdicts are of two kinds."""
        labels = np.array([row.label for row in observations], dtype=float)
        if len(set(labels)) < 2:
            summary = f"all {len(labels)} verdicts are {labels[0]:g}" if len(labels) else "there are no verdicts"
            raise Alike(
                f"Calibration needs rows that people accepted and rows that they rejected, but {summary}. Add some "
                "of the other kind."
            )
        return cls(
            parts=[row.parts for row in observations],
            groups=[row.group for row in observations],
            labels=labels,
            good=labels > middle(labels.tolist()),
            person=np.array([row.kind == "person" for row in observations]),
            own=np.array([row.own for row in observations]),
            aspects=[row.aspect for row in observations],
            ids=[row.id for row in observations],
            kinds=[row.rule for row in observations],
            embedder=observations[0].embedder,
            rules={
                "length": np.array([row.length for row in observations], dtype=float),
                "overlap": np.array([row.overlap for row in observations], dtype=float),
            },
        )

    def where(self, rows: Flags) -> "Columns":
        """Some of the rows. Their `good` flags do not change."""
        indices = np.flatnonzero(rows)
        return Columns(
            parts=[self.parts[i] for i in indices],
            groups=[self.groups[i] for i in indices],
            labels=self.labels[rows],
            good=self.good[rows],
            person=self.person[rows],
            own=self.own[rows],
            aspects=[self.aspects[i] for i in indices],
            ids=[self.ids[i] for i in indices],
            kinds=[self.kinds[i] for i in indices],
            embedder=self.embedder,
            rules={name: scores[rows] for name, scores in self.rules.items()},
        )

    def headline(self, folds: Folds | None = None) -> Flags:
        """The rows that the figures are about: those with people's verdicts if these are of both classes, else all.
        With `folds`, only rows of one fold are compared, so both classes must be in the same fold."""
        fold_of = np.zeros_like(self.person, dtype=np.intp) if folds is None else folds
        complete_folds = set(fold_of[self.person & self.good]) & set(fold_of[self.person & ~self.good])
        return self.person if complete_folds else np.ones_like(self.person)

    def reading(self, name: str) -> Floats:
        """The values of one part, nan where a row has none."""
        values = (row.get(name) for row in self.parts)
        return np.array([np.nan if value is None else value for value in values], dtype=float)
