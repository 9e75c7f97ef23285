"""A cross-encoder as evidence: how well a document supports a statement (any model of sentence-transformers)."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from seedbed.errors import UserError

Predict = Callable[[list[tuple[str, str]]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Entailment:
    """(document, statements) -> scores in [0, 1]: the probability of `entailment` if the model has this label, else its
    only score. The first call loads the model; UserError if it cannot be loaded."""

    name: str

    def __call__(self, document: str, statements: Sequence[str]) -> Sequence[float]:
        model, label = _model(self.name)
        scores = model.predict([(document, statement) for statement in statements], apply_softmax=label is not None)
        return [float(score if label is None else score[label]) for score in scores]


@functools.cache
def _model(name: str):  # type: ignore[no-untyped-def]  # sentence-transformers takes five seconds to import
    from sentence_transformers import CrossEncoder

    try:
        model = CrossEncoder(name)
    except (OSError, ValueError) as error:
        raise UserError(
            f"gates.cross_encoder: {name} cannot be loaded: {str(error).splitlines()[0]}",
            hint="Name a cross-encoder that is on this machine, or leave the key out.",
        ) from error
    labels = {str(text).lower(): int(number) for number, text in (model.config.id2label or {}).items()}
    if model.config.num_labels == 1:
        return model, None
    if "entailment" not in labels:
        raise UserError(
            f"gates.cross_encoder: {name} has the labels {', '.join(labels)}, and none of them is entailment.",
            hint="Name a model for natural language inference, or one with a single score.",
        )
    return model, labels["entailment"]
