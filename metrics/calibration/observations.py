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
    """A row with its verdict. `parts`: evidence and judges' readings, the higher the better, None where there is none.
    `label`: 0 or 1, or a grade. `group`: its document. `length` and `overlap`: what the two trivial rules make of the
    row, the higher the better. `kind`: who gave the verdict. `own`: the very model that judges wrote the row. `rule`:
    what was done to a row made bad by rule. `embedder`: that gave its evidence, '' where that is not known. `aspect`:
    what the verdict speaks of; `id`: of the verdict."""

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
    """Verdicts of one kind only tell nothing; said in words for a person."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Observations as columns, one entry a row. `good`: the label lies above the middle between the lowest and the
    highest one given."""

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
        """Raises Alike where the verdicts are not of two kinds."""
        labels = np.array([row.label for row in observations], dtype=float)
        if len(set(labels)) < 2:
            every = f"all {len(labels)} verdicts are {labels[0]:g}" if len(labels) else "there are no verdicts"
            raise Alike(
                f"Calibration needs rows that people accepted and rows that they rejected, and {every}. Add some "
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
        """Some of the rows; what is good stays as it was."""
        picked = np.flatnonzero(rows)
        return Columns(
            parts=[self.parts[i] for i in picked],
            groups=[self.groups[i] for i in picked],
            labels=self.labels[rows],
            good=self.good[rows],
            person=self.person[rows],
            own=self.own[rows],
            aspects=[self.aspects[i] for i in picked],
            ids=[self.ids[i] for i in picked],
            kinds=[self.kinds[i] for i in picked],
            embedder=self.embedder,
            rules={name: scores[rows] for name, scores in self.rules.items()},
        )

    def headline(self, folds: Folds | None = None) -> Flags:
        """The rows that the figures speak of: those judged by people, where these are of both classes (within some
        fold, where only rows of one fold are compared), else all."""
        place = np.zeros_like(self.person, dtype=np.intp) if folds is None else folds
        both = set(place[self.person & self.good]) & set(place[self.person & ~self.good])
        return self.person if both else np.ones_like(self.person)

    def reading(self, name: str) -> Floats:
        """One part's values, nan where there is none."""
        values = (row.get(name) for row in self.parts)
        return np.array([np.nan if value is None else value for value in values], dtype=float)
