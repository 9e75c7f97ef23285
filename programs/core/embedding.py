"""Texts as unit vectors: the type of an embedding function, and embedding texts before they are needed."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Unit vectors, shape (n, d)."""
Embed = Callable[[Sequence[str]], Vectors]
"""Texts -> their unit vectors, shape (n, d). It may also have a coroutine `later` with the same arguments and
result, which blocks neither the event loop nor a thread."""


class EmbeddedTexts:
    """An `Embed` that looks up texts embedded before. Raises KeyError for another text."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._row, self._vectors = {text: row for row, text in enumerate(texts)}, vectors

    def __call__(self, texts: Sequence[str]) -> Vectors:
        return self._vectors[[self._row[text] for text in texts]]


async def ahead(embed: Embed, texts: Sequence[str]) -> EmbeddedTexts:
    """Embed these texts in one call, off the event loop, so that later computations can run on it."""
    if not texts:
        return EmbeddedTexts([], np.zeros((0, 0), np.float32))
    later = getattr(embed, "later", None)
    return EmbeddedTexts(texts, await (later(texts) if later else asyncio.to_thread(embed, texts)))
