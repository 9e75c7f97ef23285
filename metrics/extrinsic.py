"""Whether labelled rows do their job: a small classifier trained on them, beside one trained on people's seeds.

Both are logistic regressions on embeddings, tested on seeds that neither has seen; no model is called. It is the
figure of merit of generated training data for classifiers (extrinsic evaluation), in seconds.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from metrics.calibration.intervals import Interval, grouped_interval, share_interval
from programs.core.embedding import Embed, Vectors

FEWEST = 2  # texts a label that a classifier needs
FOLDS = 5  # of the classifier that tells rows from real texts


class LabelledText(NamedTuple):
    """A text with its label within a task."""

    task: str
    text: str
    label: str


class Extrinsic(BaseModel):
    """The accuracy on people's texts of two classifiers, in [0, 1], over all tasks.

    Attributes:
        tested: texts of people on which both were tested. rows, seeds: texts on which each was trained. by_rows,
        by_seeds: accuracy with its 95% interval. gain: accuracy by rows less that by seeds, paired by text. chance: the
        accuracy of the commonest label of each task. realness: AUROC of a classifier that tells rows from real texts;
        near 0.5 they cannot be told apart, near 1 the rows are of another kind. None where there are too few texts.
    """

    tested: int
    rows: int
    seeds: int
    by_rows: Interval
    by_seeds: Interval
    gain: Interval
    chance: float
    realness: float | None

    def __str__(self) -> str:
        told = "" if self.realness is None else f"; rows are told from people's texts with AUROC {self.realness:.2f}"
        return (
            f"a classifier trained on {self.rows} rows is right on {self.by_rows} of {self.tested} held-out seeds, one "
            f"trained on {self.seeds} seeds on {self.by_seeds} (gain {self.gain}; chance {self.chance:.2f}){told}"
        )


def extrinsic(
    rows: Sequence[LabelledText], seeds: Sequence[LabelledText], held_out: Sequence[LabelledText], embed: Embed
) -> Extrinsic | None:
    """Compare both classifiers on the held-out texts of the tasks for which both can be trained; None if there is no
    such task."""
    tasks = sorted(_trainable(rows) & _trainable(seeds) & {text.task for text in held_out})
    if not tasks:
        return None
    right_by_rows, right_by_seeds = (_right(texts, held_out, tasks, embed) for texts in (rows, seeds))
    labels = [[text.label for text in _of(task, held_out)] for task in tasks]
    tested = sum(map(len, labels))
    places = [str(place) for place in range(tested)]
    return Extrinsic(
        tested=tested,
        rows=sum(len(_of(task, rows)) for task in tasks),
        seeds=sum(len(_of(task, seeds)) for task in tasks),
        by_rows=share_interval(right_by_rows, places),
        by_seeds=share_interval(right_by_seeds, places),
        gain=grouped_interval(list(np.subtract(right_by_rows, right_by_seeds)), places),
        chance=sum(max(map(of_task.count, of_task)) for of_task in labels) / tested,
        realness=_realness([text.text for text in rows], [text.text for text in (*seeds, *held_out)], embed),
    )


def _of(task: str, texts: Sequence[LabelledText]) -> list[LabelledText]:
    return [text for text in texts if text.task == task]


def _trainable(texts: Sequence[LabelledText]) -> set[str]:
    """The tasks with at least FEWEST texts of at least two labels."""
    labels = {task: Counter(text.label for text in _of(task, texts)) for task in {text.task for text in texts}}
    return {task for task, of in labels.items() if sum(count >= FEWEST for count in of.values()) > 1}


def _right(
    training: Sequence[LabelledText], tests: Sequence[LabelledText], tasks: Sequence[str], embed: Embed
) -> list[float]:
    """For each test, task by task, whether the classifier of its task is right: 1 or 0."""
    right = list[float]()
    for task in tasks:
        own, asked = _of(task, training), _of(task, tests)
        model = _classifier().fit(_vectors(own, embed), [text.label for text in own])
        predicted = model.predict(_vectors(asked, embed))
        right += [float(label == text.label) for label, text in zip(predicted, asked, strict=True)]
    return right


def _realness(rows: Sequence[str], texts: Sequence[str], embed: Embed) -> float | None:
    """The AUROC, out of fold, of telling rows from real texts; None where one kind has fewer texts than folds."""
    if min(len(rows), len(texts)) < FOLDS:
        return None
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    kinds = np.array([1] * len(rows) + [0] * len(texts))
    vectors = embed([*rows, *texts])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probabilities = cross_val_predict(_classifier(), vectors, kinds, cv=FOLDS, method="predict_proba")
    return round(float(roc_auc_score(kinds, probabilities[:, 1])), 4)


def _vectors(texts: Sequence[LabelledText], embed: Embed) -> Vectors:
    return embed([text.text for text in texts])


def _classifier() -> Any:
    """A logistic regression in which labels count alike, whatever their shares; deterministic."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced")
