"""Texts as unit vectors: what an embedding is to those who use one, and how texts are embedded ahead of need."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Unit vectors, shape (n, d)."""
Embed = Callable[[Sequence[str]], Vectors]
"""Texts -> their unit vectors, shape (n, d). It may also have a coroutine `later` of the same arguments and result,
for which nobody's event loop or thread has to wait."""


class Known:
    """An `Embed` of texts that were embedded before: it looks them up. Raises KeyError for another text."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._row, self._vectors = {text: row for row, text in enumerate(texts)}, vectors

    def __call__(self, texts: Sequence[str]) -> Vectors:
        return self._vectors[[self._row[text] for text in texts]]


async def ahead(embed: Embed, texts: Sequence[str]) -> Known:
    """These texts embedded now and off the event loop, in one go, so that what is computed from them can stay on it."""
    if not texts:
        return Known([], np.zeros((0, 0), np.float32))
    later = getattr(embed, "later", None)
    return Known(texts, await (later(texts) if later else asyncio.to_thread(embed, texts)))
