"""What a metric predicted of each verdict that it was fitted to, kept beside the metric for pictures of its trust."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from programs.core.whole import write_whole

IN_SAMPLE = -1  # the fold of a verdict that the fit had seen, because nothing could be held out


class Prediction(BaseModel):
    """A verdict with the metric's prediction for its row.

    `probability` in [0, 1], by a fit that had not seen the verdict's group, or in sample if `fold` is IN_SAMPLE.
    `label`: 0 or 1, or a grade; `good`: it is above the middle. `kind`: who gave it; `rule`: the rule that made the row
    bad. `parts`: evidence and judges' readings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    group: str
    aspect: str
    label: float
    good: bool
    kind: Literal["person", "rule"]
    rule: str
    fold: int
    probability: float
    parts: dict[str, float | None]


def predictions_path(metric: Path) -> Path:
    """The path of the predictions of the metric, or of the compiled program, at a path."""
    return metric.with_suffix(".verdicts.jsonl")


def save_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write a line for each, whole or not at all. Raises OSError."""
    lines = "".join(f"{prediction.model_dump_json()}\n" for prediction in predictions)
    write_whole(path, lambda file: file.write_text(lines, encoding="utf-8"))


def read_predictions(text: str) -> list[Prediction]:
    """The predictions of a file's content. Raises pydantic's ValidationError for another kind of file."""
    return [Prediction.model_validate_json(line) for line in text.split("\n") if line]  # texts may hold other breaks
