"""The labels of a task: how prompts show them, and the feed that deals them to rows."""

import random
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from programs.core.dealing import Dealt
from programs.core.feed import FeedInput, Quiet
from programs.core.options import Options
from programs.core.row import Source, digest
from signatures.labels.label_to_text import LENGTHS, SUBJECTS, TONES


class LabelOptions(Options):
    """The options of every recipe whose rows are written for labels."""

    shown: int = Field(4, ge=1)
    """The texts of a label in one prompt at most (ours)."""
    shares: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """How often each label is asked for, relative to the others: 1 for a label that is not named (ours)."""


class Labels(Quiet):
    """The labels in turn by their shares, without end; each time with other texts of the label and other controls. Each
    row has a group of its own, so that both splits have all labels."""

    def __init__(self, feed_input: FeedInput) -> None:
        self._seed, self._options, self._labels = feed_input.seed, feed_input.options, list(feed_input.sources)
        self._texts = [_texts_of(source, feed_input.seeds) for source in self._labels]
        self._dealt = Dealt(_shares(self._labels, feed_input.options.shares))

    def source_at(self, position: int) -> Source | None:
        if not self._labels:
            return None
        place, turn = self._dealt.at(position)
        label, texts, mix = self._labels[place], self._texts[place], place + turn  # labels begin with other controls
        sample = random.Random(f"{self._seed}|{position}").sample(texts, min(self._options.shown, len(texts)))
        how = controls(LENGTHS[mix % len(LENGTHS)], TONES[mix % len(TONES)], SUBJECTS[mix % len(SUBJECTS)])
        return Source(
            id=digest("label", position, label.id, *(text for text, _ in sample)),
            group=f"label-{position}",
            inputs={**task_of(label, self._labels), "examples": as_list([text for text, _ in sample]), "how": how},
            origin={**label.origin, "how": how},
            shown=[id for _, id in sample if id],
        )


def _shares(labels: Sequence[Source], shares: Mapping[str, float]) -> list[float]:
    """The share of each label. Raises ValueError if a share is of no label, or if no label has one."""
    names = [label.inputs["label"] for label in labels]
    if names and (unknown := sorted(shares.keys() - {*names})):
        raise ValueError(f"shares: {unknown[0]!r} is no label; the labels are {', '.join(dict.fromkeys(names))}")
    of_labels = [shares.get(name, 1.0) for name in names]
    if names and not any(of_labels):
        raise ValueError("shares: every label has 0, so there is no row to write")
    return of_labels


def _texts_of(source: Source, seeds: Sequence[Any]) -> list[tuple[str, str]]:
    """The texts of a label with the ids of their seeds; empty for those in the file of labels."""
    task, label = source.inputs["task"], source.inputs["label"]
    of_seeds = [(seed.text, seed.id) for seed in seeds if (seed.task, seed.label) == (task, label)]
    return [*of_seeds, *((text, "") for text in source.inputs["examples"])]


def task_of(label: Source, labels: Sequence[Source]) -> dict[str, str]:
    """The inputs that tell a label from the others of its task."""
    names, task = ("task", "label", "definition"), label.inputs["task"]
    others = [as_line(*_meaning(other)) for other in labels if other is not label and other.inputs["task"] == task]
    return {**{name: label.inputs[name] for name in names}, "others": "\n".join(others)}


def _meaning(source: Source) -> tuple[str, str]:
    return source.inputs["label"], source.inputs["definition"]


def as_line(label: str, definition: str) -> str:
    """A label with its definition, on one line."""
    return " ".join(f"- {label}: {definition}".split())


def as_list(texts: Sequence[str]) -> str:
    """Texts in the form of prompts: a list, each on one line."""
    return "\n".join(f"- {' '.join(text.split())}" for text in texts)


def controls(length: str, tone: str = "", subject: str = "") -> str:
    """How a text is to be written, in one line."""
    parts = {"length": length, "tone": tone, "subject": subject}
    return "; ".join(f"{name}: {value}" for name, value in parts.items() if value)
